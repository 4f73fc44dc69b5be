// SPDX-License-Identifier: Apache-2.0
// Preloaded into a server: counts its system calls on files below the folder $FAULTY_FOLDER. The
// call with the number $FAULTY_AT fails as $FAULTY_KIND says:
//
//     kill      the process is killed before the call
//     torn      the process is killed in the middle of a write
//     EIO       the call fails, once
//     ENOSPC    the call and all later writes fail
//
// While the file $FAULTY_FOLDER/stuck exists, syncs do not return.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static const char *kind(void)
{
    const char *text = getenv("FAULTY_KIND");

    return text ? text : "";
}

static bool is_below(const char *path)
{
    const char *folder = getenv("FAULTY_FOLDER");

    return folder && !strncmp(path, folder, strlen(folder));
}

static bool concerns(int fd)
{
    char link[64], path[4096];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n < 0 ? 0 : n] = '\0';
    return is_below(path);
}

// True if this call is to fail.
static bool strikes(bool is_write)
{
    static atomic_int n_steps;
    int at = atoi(getenv("FAULTY_AT")), n = ++n_steps;

    return n == at || (n > at && is_write && !strcmp(kind(), "ENOSPC"));
}

static int fail(void)
{
    if (!strcmp(kind(), "kill") || !strcmp(kind(), "torn")) {
        kill(getpid(), SIGKILL);
    }
    errno = !strcmp(kind(), "ENOSPC") ? ENOSPC : EIO;
    return -1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    if (!concerns(fd) || !strikes(true)) {
        return REAL(pwrite64)(fd, data, size, offset);
    }
    if (!strcmp(kind(), "torn")) {
        (void)!REAL(pwrite64)(fd, data, size / 2, offset);
    }
    return fail();
}

ssize_t sendfile64(int to, int from, off64_t *offset, size_t size)
{
    if (!concerns(to) || !strikes(true)) {
        return REAL(sendfile64)(to, from, offset, size);
    }
    if (!strcmp(kind(), "torn")) {
        (void)!REAL(sendfile64)(to, from, offset, 100);
    }
    return fail();
}

int ftruncate64(int fd, off64_t size)
{
    return concerns(fd) && strikes(false) ? fail() : REAL(ftruncate64)(fd, size);
}

static void wait_while_stuck(void)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/stuck", getenv("FAULTY_FOLDER"));
    while (!access(path, F_OK)) {
        usleep(1000);
    }
}

int fsync(int fd)
{
    if (!concerns(fd)) {
        return REAL(fsync)(fd);
    }
    wait_while_stuck();
    return strikes(false) ? fail() : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    if (!concerns(fd)) {
        return REAL(fdatasync)(fd);
    }
    wait_while_stuck();
    return strikes(false) ? fail() : REAL(fdatasync)(fd);
}

int rename(const char *from, const char *to)
{
    return is_below(to) && strikes(false) ? fail() : REAL(rename)(from, to);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    return is_below(to) && strikes(false) ? fail()
                                          : REAL(renameat2)(from_fd, from, to_fd, to, flags);
}

int unlink(const char *path)
{
    return is_below(path) && strikes(false) ? fail() : REAL(unlink)(path);
}
