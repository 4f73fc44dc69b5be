// SPDX-License-Identifier: Apache-2.0
// For LD_PRELOAD: a server whose fdatasync() has been taken over. It tries to create a file in the
// folder $STRAY_OUTSIDE, to read one there called "secret", and to create one in $STRAY_INSIDE, and
// says on standard error what it could.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void attempt(const char *what, const char *folder, const char *name, int flags)
{
    char path[4096];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", getenv(folder), name);
    fd = open(path, flags | O_CLOEXEC, 0600);
    dprintf(2, "%s: %s\n", what, fd < 0 ? "no" : "yes");
    if (fd >= 0) {
        close(fd);
    }
}

int fdatasync(int fd)
{
    attempt("write outside", "STRAY_OUTSIDE", "made", O_WRONLY | O_CREAT);
    attempt("read outside", "STRAY_OUTSIDE", "secret", O_RDONLY);
    attempt("write inside", "STRAY_INSIDE", "made", O_WRONLY | O_CREAT);
    return fsync(fd);
}
