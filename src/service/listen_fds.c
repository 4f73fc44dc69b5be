// SPDX-License-Identifier: Apache-2.0
#include "service/listen_fds.h"

#include "basic/alloc.h"

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
    for (int i = 0; i < n; i++) {
        (*ret)[i] = (struct listen_fd){SD_LISTEN_FDS_START + i, names[i]};
    }
    free(names);
    return n;
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
