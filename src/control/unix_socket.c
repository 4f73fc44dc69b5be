// SPDX-License-Identifier: Apache-2.0
#include "control/unix_socket.h"

#include "basic/macro.h"
#include "net/address.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

int unix_socket_listen(const char *path, mode_t mode)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    _cleanup_close_ int dir_fd = -1;
    struct endpoint endpoint;
    struct stat st;
    int r = address_unix_endpoint(path, &endpoint, &dir_fd);

    if (r < 0) {
        return r;
    }
    if (fd < 0) {
        return -errno;
    }
    if (!lstat(path, &st) && S_ISSOCK(st.st_mode)) {
        unlink(path);
    }
    // bind() gives the file the mode of the socket, less the umask.
    if (fchmod(fd, mode) || bind(fd, &endpoint.sa, endpoint.size) || listen(fd, 16)) {
        return -errno;
    }
    return TAKE_FD(fd);
}

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
