// SPDX-License-Identifier: Apache-2.0
#include "service/listen_fds.h"

#include "basic/alloc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

int listen_fds_take(struct listen_fd **ret)
{
    char **names = NULL;
    int n = sd_listen_fds_with_names(1, &names);

    *ret = NULL;
    if (n <= 0) {
        return n;
    }
    *ret = NEW_ARRAY(struct listen_fd, (size_t)n);
    assert(names); // one for each
    for (int i = 0; i < n; i++) {
        (*ret)[i] = (struct listen_fd){SD_LISTEN_FDS_START + i, names[i]};
    }
    free(names);
    return n;
}

static const char *fault_of(int fd)
{
    if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) > 0) {
        return fcntl(fd, F_SETFD, FD_CLOEXEC) ? strerror(errno) : NULL;
    }
    return fcntl(fd, F_GETFD) < 0 ? "it is not open" : "it is not a stream socket that listens";
}

struct failure *listen_fds_add(struct listen_fd **fds, int *n, int fd)
{
    const char *fault = fault_of(fd);

    for (int i = 0; i < *n && !fault; i++) {
        if ((*fds)[i].fd == fd) {
            fault = "it is named twice, or also passed by the service manager";
        }
    }
    if (fault) {
        return failure_new(FAILURE_INVALID, "descriptor %d: %s", fd, fault);
    }
    *fds = xreallocarray(*fds, (size_t)*n + 1, sizeof(**fds));
    (*fds)[(*n)++] = (struct listen_fd){fd, xstrdup("inherited")};
    return NULL;
}

void listen_fds_free(struct listen_fd *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fds[i].fd >= 0) {
            close(fds[i].fd);
        }
        free(fds[i].name);
    }
    free(fds);
}
