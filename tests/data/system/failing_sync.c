// SPDX-License-Identifier: Apache-2.0
// Preloaded into a server: fdatasync() fails as long as the file $FAILING_SYNC exists.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int fdatasync(int fd)
{
    const char *path = getenv("FAILING_SYNC");
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");

    if (path && !access(path, F_OK)) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}
