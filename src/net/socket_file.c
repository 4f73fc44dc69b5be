// SPDX-License-Identifier: Apache-2.0
#include "net/socket_file.h"

#include "basic/alloc.h"
#include "net/address.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

// The lock is normally held for microseconds. Any process that can read the folder may hold it
// longer, so the wait is bounded. Without the lock only the protection against a simultaneous start
// is missing.
#define LOCK_ATTEMPTS 20
#define LOCK_PAUSE_NS (5 * 1000 * 1000)

// `detail` is "", or begins with ": ".
static struct failure *cannot_listen(int error, const char *path, const char *detail)
{
    assert(path && error);
    return failure_from_errno(error, "cannot listen on %s%s", path, detail);
}

// Locks the folder of `path`. Returns a descriptor whose closing unlocks it, or -1.
static int lock_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *folder = xstrndup(path, (size_t)(slash - path) + 1);
    _cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (int i = 0; fd >= 0 && i < LOCK_ATTEMPTS; i++) {
        struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};

        if (!flock(fd, LOCK_EX | LOCK_NB)) {
            return TAKE_FD(fd);
        }
        nanosleep(&pause, NULL);
    }
    return -1;
}

// Returns 0 if a process listens at the socket file, -ECONNREFUSED if none does, another negative
// errno if that is not known.
static int check_listener(const struct endpoint *endpoint)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    if (!connect(fd, &endpoint->sa, endpoint->size) || errno == EAGAIN) {
        return 0; // EAGAIN: the queue of the listening socket is full
    }
    // EPROTOTYPE: a socket of another type is bound there.
    return errno == EPROTOTYPE ? 0 : -errno;
}

// Removes a stale socket file. Returns NULL if nothing is at the path now.
static struct failure *remove_stale(const char *path, const struct endpoint *endpoint)
{
    struct stat st;
    int r;

    if (lstat(path, &st)) {
        return errno == ENOENT ? NULL : cannot_listen(errno, path, "");
    }
    if (!S_ISSOCK(st.st_mode)) {
        return cannot_listen(EEXIST, path, ": a file that is not a socket is in the way");
    }
    r = check_listener(endpoint);
    if (!r) {
        return cannot_listen(EADDRINUSE, path, ": a running server listens there");
    }
    if (r == -ENOENT) {
        return NULL; // removed in the meantime
    }
    if (r != -ECONNREFUSED) {
        return cannot_listen(r, path, ": cannot find out whether a server listens there");
    }
    return unlink(path) && errno != ENOENT
               ? cannot_listen(errno, path, ": cannot remove the socket of a former server")
               : NULL;
}

struct failure *socket_file_listen(const char *path, mode_t mode, int backlog,
                                   struct socket_file *ret, int *ret_fd)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    _cleanup_close_ int folder_fd = -1;
    _cleanup_close_ int lock __attribute__((unused)) = -1; // until the end of the function
    struct failure *failure;
    struct endpoint endpoint;
    struct stat st;
    int r;

    assert(path[0] == '/');
    if (fd < 0) {
        return cannot_listen(errno, path, "");
    }
    r = address_unix_endpoint(path, &endpoint, &folder_fd);
    if (r < 0) {
        return cannot_listen(r, path, "");
    }
    lock = lock_folder(path);
    failure = remove_stale(path, &endpoint);
    if (failure) {
        return failure;
    }
    // bind() gives the file the mode of the socket, so the file never has another mode.
    if (fchmod(fd, mode) || bind(fd, &endpoint.sa, endpoint.size)) {
        return cannot_listen(errno, path, "");
    }
    if (listen(fd, backlog) || lstat(path, &st)) {
        failure = cannot_listen(errno, path, "");
        unlink(path);
        return failure;
    }
    *ret = (struct socket_file){xstrdup(path), st.st_dev, st.st_ino};
    *ret_fd = TAKE_FD(fd);
    return NULL;
}

void socket_file_remove(struct socket_file *file)
{
    _cleanup_close_ int lock __attribute__((unused)) = -1; // until the end of the function
    struct stat st;

    if (!file->path) {
        return;
    }
    assert(file->path[0] == '/');
    lock = lock_folder(file->path);
    if (!lstat(file->path, &st) && st.st_dev == file->device && st.st_ino == file->inode) {
        unlink(file->path);
    }
    free(TAKE_PTR(file->path));
}

int socket_file_connect(const char *path)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    _cleanup_close_ int folder_fd = -1;
    struct endpoint endpoint;
    int r = address_unix_endpoint(path, &endpoint, &folder_fd);

    if (r < 0) {
        return r;
    }
    if (fd < 0 || connect(fd, &endpoint.sa, endpoint.size)) {
        return -errno;
    }
    return TAKE_FD(fd);
}
