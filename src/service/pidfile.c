// SPDX-License-Identifier: Apache-2.0
#include "service/pidfile.h"

#include "basic/alloc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

// The file of this process. The descriptor is only kept for its lock.
static struct {
    char *path;
    int fd;
    pid_t owner;
    dev_t device;
    ino_t inode;
} ours = {.fd = -1};

static int lock_file(int fd)
{
    struct flock request = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_SETLK, &request) ? -errno : 0;
}

// Returns true if another process has locked the file `fd`. *ret_holder is its pid, or 0 if it has
// none in our pid namespace.
static bool is_locked(int fd, pid_t *ret_holder)
{
    struct flock request = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(fd, F_GETLK, &request) || request.l_type == F_UNLCK) {
        return false;
    }
    *ret_holder = MAX(request.l_pid, 0);
    return true;
}

struct failure *pidfile_check(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    pid_t holder;

    if (fd < 0 || !is_locked(fd, &holder)) {
        return NULL;
    }
    if (!holder) {
        return failure_new(FAILURE_BUSY, "%s: already running in another pid namespace, aborting",
                           path);
    }
    return failure_new(FAILURE_BUSY, "%s: already running as pid %ld, aborting", path,
                       (long)holder);
}

// Writes the pid to a new, locked file. Removes the file on an error.
static int write_locked(const char *path, int *ret_fd)
{
    _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    int r;

    if (fd < 0) {
        return -errno;
    }
    r = lock_file(fd);
    if (r < 0) {
        return r; // another process is writing it
    }
    if (ftruncate(fd, 0) || dprintf(fd, "%ld\n", (long)getpid()) < 0) {
        r = -errno;
        unlink(path);
        return r;
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

struct failure *pidfile_create(const char *path, bool overwrite)
{
    _cleanup_free_ char *temporary = xasprintf("%s.tmp", path);
    _cleanup_close_ int fd = -1;
    struct stat st;
    struct failure *failure = overwrite ? NULL : pidfile_check(path);
    int r;

    if (failure) {
        return failure;
    }
    r = write_locked(temporary, &fd);
    if (r < 0) {
        return failure_from_errno(r, "%s: create failed", temporary);
    }
    if (fstat(fd, &st) || rename(temporary, path)) {
        failure = failure_from_errno(errno, "%s: create failed", path);
        unlink(temporary);
        return failure;
    }
    pidfile_remove();
    assert(ours.owner != getpid() || !ours.path);
    ours.path = xstrdup(path);
    ours.fd = TAKE_FD(fd);
    ours.owner = getpid();
    ours.device = st.st_dev;
    ours.inode = st.st_ino;
    atexit(pidfile_remove);
    return NULL;
}

void pidfile_remove(void)
{
    struct stat st;

    if (!ours.path || ours.owner != getpid()) {
        return;
    }
    if (!stat(ours.path, &st) && st.st_dev == ours.device && st.st_ino == ours.inode) {
        unlink(ours.path);
    }
    close(TAKE_FD(ours.fd));
    free(TAKE_PTR(ours.path));
}

int pidfile_read(const char *path, pid_t *ret)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[32];
    ssize_t n;
    char *end;
    pid_t holder;
    long pid;

    if (fd < 0) {
        return -errno;
    }
    n = read(fd, text, sizeof(text) - 1);
    if (n < 0) {
        return -errno;
    }
    text[n] = '\0';
    pid = strtol(text, &end, 10);
    if (end == text || (*end && *end != '\n') || pid <= 0) {
        return -EINVAL;
    }
    if (!is_locked(fd, &holder)) {
        return -ESRCH;
    }
    *ret = (pid_t)pid;
    return 0;
}
