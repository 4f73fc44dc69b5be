// SPDX-License-Identifier: Apache-2.0
#include "control/unix_socket.h"

#include "basic/macro.h"
#include "net/address.h"

#include <errno.h>
#include <sys/socket.h>

int unix_socket_connect(const char *path)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    _cleanup_close_ int dir_fd = -1;
    struct endpoint endpoint;
    int r = address_unix_endpoint(path, &endpoint, &dir_fd);

    if (r < 0) {
        return r;
    }
    if (fd < 0 || connect(fd, &endpoint.sa, endpoint.size)) {
        return -errno;
    }
    return TAKE_FD(fd);
}
