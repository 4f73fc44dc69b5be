// SPDX-License-Identifier: Apache-2.0
// Detects that another program has removed, replaced or overwritten the database file while it is
// served. Records appended to such a file are lost at the next start, so this is treated like a
// failed sync.
//
// The file is checked before a record is written, so that nothing is appended to a file that was
// restored from a backup, and after each sync, before commits are acknowledged. Comparing device
// and inode behind the name detects "rm" and "mv"; comparing the end of the file with the last
// record detects "cat other > file". Both together take two system calls.
#include "store/store_private.h"

#include "basic/file.h"

#include <assert.h>
#include <errno.h>
#include <sys/stat.h>

void store_mark_end(struct store *store, struct slice record)
{
    struct file_mark *mark = &store->mark;

    assert(record.size && record.size <= store->size);
    mark->size = MIN(record.size, sizeof(mark->end));
    memcpy(mark->end, record.data + record.size - mark->size, mark->size);
}

void store_mark_file(struct store *store)
{
    struct file_mark *mark = &store->mark;
    size_t size = (size_t)MIN(store->size, sizeof(mark->end));
    struct stat st;
    ssize_t n = pread(store->member.fd, mark->end, size, (off_t)(store->size - size));

    mark->size = n == (ssize_t)size ? size : 0; // unreadable: only the file's size is compared
    mark->is_known = !fstat(store->member.fd, &st);
    if (mark->is_known) {
        mark->device = st.st_dev;
        mark->inode = st.st_ino;
    }
}

// True for the file of the store, and for the new file of a compaction or conversion, which is
// installed before the store uses it.
static bool is_ours(const struct store *store, const struct stat *st)
{
    const struct file_mark *mark = &store->mark;

    return (st->st_dev == mark->device && st->st_ino == mark->inode) ||
           file_is_same(st, store->member.twin_fd) || file_is_same(st, store_conversion_fd(store));
}

static bool is_end_intact(const struct store *store)
{
    const struct file_mark *mark = &store->mark;
    char end[sizeof(mark->end) + 1]; // one byte more, to detect that the file is longer
    ssize_t n = pread(store->member.fd, end, mark->size + 1, (off_t)(store->size - mark->size));

    assert(mark->size <= store->size);
    return n < 0 || ((size_t)n == mark->size && !memcmp(end, mark->end, mark->size));
}

// Returns what has happened to the file, or NULL. Errors that do not prove a loss, like a missing
// permission, are ignored.
static const char *find_loss(const struct store *store)
{
    struct stat st;

    if (!store->mark.is_known) {
        return NULL;
    }
    if (stat(store->absolute_path, &st) < 0) {
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? "the file was removed or renamed by another program"
                   : NULL;
    }
    if (!is_ours(store, &st)) {
        return "the file was replaced by another program";
    }
    return is_end_intact(store) ? NULL : "the file was overwritten by another program";
}

bool store_check_in_place(struct store *store)
{
    const char *loss;

    if (!store->lockfile || store->failure) {
        return !store->is_displaced;
    }
    loss = find_loss(store);
    if (loss) {
        store->is_displaced = true;
        store_fail(store, 0, loss);
        group_commit_member_check(&store->member);
    }
    return !loss;
}
