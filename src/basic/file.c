// SPDX-License-Identifier: Apache-2.0
#include "basic/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>

int file_read(const char *path, struct buf *buf)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -errno : file_read_fd(fd, buf);
}

// Waits up to a second until the pipe `fd` is readable.
static int file_wait_readable(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    int n = poll(&pollfd, 1, 1000);

    return n < 0 && errno != EINTR ? -errno : n ? 0 : -ETIMEDOUT;
}

int file_read_soon(const char *path, size_t max, struct buf *buf)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    size_t start = buf->size;

    if (fd < 0) {
        return -errno;
    }
    while (buf->size - start <= max) {
        ssize_t n = read(fd, buf_reserve(buf, 65536), 65536);
        int r = n < 0 ? -errno : 0;

        if (r == -EAGAIN) {
            r = file_wait_readable(fd);
        }
        if (r < 0 && r != -EINTR) {
            return r;
        }
        if (!n) {
            return 0;
        }
        buf->size += n > 0 ? (size_t)n : 0;
    }
    return -EFBIG;
}

int file_read_fd(int fd, struct buf *buf)
{
    for (;;) {
        ssize_t n = read(fd, buf_reserve(buf, 65536), 65536);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (!n) {
            return 0;
        }
        buf->size += (size_t)n;
    }
}

bool file_is_same(const struct stat *st, int fd)
{
    struct stat other;

    return fd >= 0 && !fstat(fd, &other) && st->st_dev == other.st_dev &&
           st->st_ino == other.st_ino;
}

int file_write_at(int fd, const void *data, size_t size, off_t offset)
{
    const char *p = data;

    assert(offset >= 0);
    while (size) {
        ssize_t n = pwrite(fd, p, size, offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        p += n;
        size -= (size_t)n;
        offset += n;
    }
    return 0;
}

int file_sync_parent(const char *path)
{
    _cleanup_free_ char *copy = xstrdup(path);
    _cleanup_close_ int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return -errno;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

void file_give_to_folder(int fd, const char *path)
{
    _cleanup_free_ char *copy = xstrdup(path);
    struct stat folder;

    if (geteuid() || stat(dirname(copy), &folder) < 0 || !folder.st_uid ||
        folder.st_mode & S_ISVTX || fchown(fd, folder.st_uid, folder.st_gid) < 0) {
        return; // the file keeps its owner, which is no error
    }
}

// The path that the link `path` leads to; a relative target is taken from the folder of the link.
// NULL with errno set if `path` is no link. The caller frees it.
static char *link_target(const char *path)
{
    char target[PATH_MAX];
    ssize_t size = readlink(path, target, sizeof(target) - 1);
    const char *slash = strrchr(path, '/');

    if (size < 0) {
        return NULL;
    }
    target[size] = '\0';
    if (target[0] == '/' || !slash) {
        return xstrdup(target);
    }
    return xasprintf("%.*s/%s", (int)(slash - path), path, target);
}

// Resolves the folder of `path` only. `path` itself is no link and need not exist.
static int resolve_parent(const char *path, char **ret)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *parent = slash ? xstrndup(path, MAX(slash - path, 1)) : xstrdup(".");
    _cleanup_free_ char *real = realpath(parent, NULL);

    if (!real) {
        return -errno;
    }
    *ret = xasprintf("%s/%s", strcmp(real, "/") ? real : "", slash ? slash + 1 : path);
    return 0;
}

int file_resolve(const char *path, char **ret)
{
    _cleanup_free_ char *real = realpath(path, NULL);
    _cleanup_free_ char *current = NULL;

    if (real) {
        *ret = TAKE_PTR(real);
        return 0;
    }
    if (errno != ENOENT) {
        return -errno;
    }
    current = xstrdup(path);
    for (int hops = 0; hops < 40; hops++) {
        char *target = link_target(current);

        if (!target) {
            return resolve_parent(current, ret);
        }
        free(current);
        current = target;
    }
    return -ELOOP;
}
