// SPDX-License-Identifier: Apache-2.0
// POSIX record locks do not exclude the process that holds them, and closing any descriptor of the
// file releases them. So the locks of this process are kept in a list, which is searched before a
// lock file is opened. A mutex guards the list, and the calls in which it must agree with the
// locks: databases are opened on helper threads, too.
#include "store/lockfile.h"

#include "basic/file.h"
#include "basic/list.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

struct lockfile {
    struct list node;
    dev_t dev;
    ino_t ino;
    int fd;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct list lockfiles = LIST_INIT(&lockfiles);

static bool is_locked_here(const struct stat *st)
{
    struct lockfile *lockfile;

    LIST_FOREACH (lockfile, &lockfiles, node) {
        if (lockfile->dev == st->st_dev && lockfile->ino == st->st_ino) {
            return true;
        }
    }
    return false;
}

static char *lockfile_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;

    return xasprintf("%.*s.%s.~lock~", (int)(base - path), path, base);
}

static struct ovsdb_error *locked_error(const char *path, const char *name, int fd, int error)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (error != EACCES && error != EAGAIN) {
        return error_io(error, "%s: cannot be locked", name);
    }
    if (fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK) {
        return error_io(error, "%s: another process has it locked", path);
    }
    if (lock.l_pid <= 0) {
        return error_io(error, "%s: a process in another pid namespace has it locked", path);
    }
    return error_io(error, "%s: process %ld has it locked", path, (long)lock.l_pid);
}

static struct ovsdb_error *acquire_locked(const char *path, struct lockfile **ret)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    _cleanup_free_ char *name = lockfile_name(path);
    _cleanup_close_ int fd = -1;
    struct lockfile *lockfile;
    struct stat st;

    if (!stat(name, &st) && is_locked_here(&st)) {
        return error_io(EDEADLK, "%s: this process has it open already", path);
    }
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0 || fstat(fd, &st) < 0) {
        return error_io(errno, "%s: the lock file cannot be opened", name);
    }
    if (!st.st_uid && st.st_nlink == 1) {
        file_give_to_folder(fd, name);
    }
    if (fcntl(fd, F_SETLK, &lock) < 0) {
        return locked_error(path, name, fd, errno);
    }
    lockfile = NEW(struct lockfile);
    lockfile->dev = st.st_dev;
    lockfile->ino = st.st_ino;
    lockfile->fd = TAKE_FD(fd);
    list_push_back(&lockfiles, &lockfile->node);
    *ret = lockfile;
    return NULL;
}

struct ovsdb_error *lockfile_acquire(const char *path, struct lockfile **ret)
{
    struct ovsdb_error *error;

    pthread_mutex_lock(&mutex);
    error = acquire_locked(path, ret);
    pthread_mutex_unlock(&mutex);
    return error;
}

static bool is_held_locked(const char *path)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    _cleanup_free_ char *name = lockfile_name(path);
    _cleanup_close_ int fd = -1;
    struct stat st;

    // Opening and closing a lock file of this process would release its lock.
    if (stat(name, &st)) {
        return false;
    }
    if (is_locked_here(&st)) {
        return true;
    }
    fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return fd >= 0 && !fcntl(fd, F_GETLK, &lock) && lock.l_type != F_UNLCK;
}

bool lockfile_is_held(const char *path)
{
    bool is_held;

    pthread_mutex_lock(&mutex);
    is_held = is_held_locked(path);
    pthread_mutex_unlock(&mutex);
    return is_held;
}

void lockfile_release(struct lockfile *lockfile)
{
    if (lockfile) {
        assert(lockfile->fd >= 0 && !list_is_empty(&lockfile->node));
        pthread_mutex_lock(&mutex);
        list_remove(&lockfile->node);
        close(lockfile->fd);
        pthread_mutex_unlock(&mutex);
        free(lockfile);
    }
}
