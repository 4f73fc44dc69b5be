// SPDX-License-Identifier: Apache-2.0
// Preloaded into a server: fdatasync() fails as long as the file $FAILING_SYNC exists. For one
// database file NAME only: it fails as long as $FAILING_SYNC.NAME exists, and does not return
// before $FAILING_SYNC.NAME.slow is removed.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has_flag(int fd, const char *suffix)
{
    char link[64], path[4096], flag[8192];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n < 0 ? 0 : n] = '\0';
    snprintf(flag, sizeof(flag), "%s.%s%s", getenv("FAILING_SYNC"),
             strrchr(path, '/') ? strrchr(path, '/') + 1 : "", suffix);
    return !access(flag, F_OK);
}

int fdatasync(int fd)
{
    const char *path = getenv("FAILING_SYNC");
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");

    while (path && has_flag(fd, ".slow")) {
        usleep(1000);
    }
    if (path && (!access(path, F_OK) || has_flag(fd, ""))) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}
