// SPDX-License-Identifier: Apache-2.0
#include "store/put_aside.h"

#include "basic/file.h"
#include "store/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define MAX_COPIES 1000
#define COMPARED   ((size_t)1 << 16)

// Reads `size` bytes, or fewer at the end of the file. Negative errno on failure.
static ssize_t read_at(int fd, char *data, size_t size, uint64_t offset)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = pread(fd, data + done, size - done, (off_t)(offset + done));

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (!n) {
            break;
        }
        done += (size_t)MAX(n, (ssize_t)0);
    }
    return (ssize_t)done;
}

// True if the file `copy` has the same bytes as `fd` from `offset` on.
static bool is_copy(int copy, int fd, uint64_t offset)
{
    _cleanup_free_ char *ours = xmalloc(COMPARED);
    _cleanup_free_ char *its = xmalloc(COMPARED);
    uint64_t at = 0;
    ssize_t n;

    do {
        n = read_at(fd, ours, COMPARED, offset + at);
        if (n < 0 || read_at(copy, its, COMPARED, at) != n || memcmp(ours, its, (size_t)n)) {
            return false;
        }
        at += (uint64_t)n;
    } while (n);
    return true;
}

// Sets *ret_taken if the file `path` has other contents. Otherwise it is the copy; syncs it,
// because an interrupted start may have left it unsynced.
static struct ovsdb_error *check_present(const char *path, int fd, uint64_t offset, bool *ret_taken)
{
    _cleanup_close_ int copy = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int r;

    *ret_taken = copy < 0 || !is_copy(copy, fd, offset);
    if (*ret_taken) {
        return NULL;
    }
    r = fsync(copy) < 0 ? -errno : file_sync_parent(path);
    return r ? error_io(-r, "%s: cannot be synced", path) : NULL;
}

static struct ovsdb_error *copy_to(const char *path, int fd, uint64_t offset,
                                   const struct progress *progress, bool *ret_taken)
{
    struct new_file_bytes bytes = {.fd = fd, .offset = offset};
    struct new_file_content content = {.bytes = &bytes, .progress = progress};
    struct stat st;

    if (!lstat(path, &st)) {
        return check_present(path, fd, offset, ret_taken);
    }
    *ret_taken = false;
    if (fstat(fd, &st) < 0) {
        return error_io(errno, "%s: cannot be copied", path);
    }
    bytes.size = (uint64_t)st.st_size - MIN((uint64_t)st.st_size, offset);
    return new_file_make(path, &content, fd);
}

struct ovsdb_error *put_aside(const char *name, int fd, uint64_t offset,
                              const struct progress *progress, char **ret)
{
    for (unsigned i = 0; i < MAX_COPIES; i++) {
        _cleanup_free_ char *path = i ? xasprintf("%s.%u", name, i) : xstrdup(name);
        struct ovsdb_error *error;
        bool is_taken;

        error = copy_to(path, fd, offset, progress, &is_taken);
        if (error) {
            return error;
        }
        if (!is_taken) {
            *ret = TAKE_PTR(path);
            return NULL;
        }
    }
    return error_io(EEXIST, "%s: there are too many copies already", name);
}
