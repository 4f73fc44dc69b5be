// SPDX-License-Identifier: Apache-2.0
#include "store/file_mark.h"

#include "basic/file.h"

#include <assert.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

void file_mark_end(struct file_mark *mark, struct slice bytes)
{
    assert(bytes.size);
    mark->size = MIN(bytes.size, sizeof(mark->end));
    memcpy(mark->end, bytes.data + bytes.size - mark->size, mark->size);
}

void file_mark_set(struct file_mark *mark, int fd, uint64_t file_size)
{
    size_t size = (size_t)MIN(file_size, sizeof(mark->end));
    struct stat st;
    ssize_t n = pread(fd, mark->end, size, (off_t)(file_size - size));

    mark->size = n == (ssize_t)size ? size : 0; // unreadable: only the file's size is compared
    mark->is_known = !fstat(fd, &st);
    if (mark->is_known) {
        mark->device = st.st_dev;
        mark->inode = st.st_ino;
    }
}

static bool is_end_intact(const struct file_mark *mark, int fd, uint64_t file_size)
{
    char end[sizeof(mark->end) + 1]; // one byte more, to detect that the file is longer
    ssize_t n = pread(fd, end, mark->size + 1, (off_t)(file_size - mark->size));

    assert(mark->size <= file_size);
    return n < 0 || ((size_t)n == mark->size && !memcmp(end, mark->end, mark->size));
}

// Errors that do not prove a loss, like a missing permission, are ignored.
const char *file_mark_find_loss(const struct file_mark *mark, const char *path, int fd,
                                uint64_t file_size, const int replacements[2])
{
    struct stat st;

    if (!mark->is_known) {
        return NULL;
    }
    if (stat(path, &st) < 0) {
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? "the file was removed or renamed by another program"
                   : NULL;
    }
    if ((st.st_dev != mark->device || st.st_ino != mark->inode) &&
        !file_is_same(&st, replacements[0]) && !file_is_same(&st, replacements[1])) {
        return "the file was replaced by another program";
    }
    return is_end_intact(mark, fd, file_size) ? NULL
                                              : "the file was overwritten by another program";
}
