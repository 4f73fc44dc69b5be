// SPDX-License-Identifier: Apache-2.0
#include "control/unix_socket.h"

#include "basic/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

// The address of `path`. A long one goes through the opened folder, *ret_dir_fd, which must stay
// open until the address has been used.
static int make_address(const char *path, struct sockaddr_un *ret, int *ret_dir_fd)
{
    _cleanup_free_ char *folder = xstrdup(path);
    _cleanup_free_ char *file = xstrdup(path);
    int n;

    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    *ret_dir_fd = -1;
    if (strlen(path) < sizeof(ret->sun_path)) {
        memcpy(ret->sun_path, path, strlen(path) + 1);
        return 0;
    }
    *ret_dir_fd = open(dirname(folder), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*ret_dir_fd < 0) {
        return -errno;
    }
    n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", *ret_dir_fd,
                 basename(file));
    return n < (int)sizeof(ret->sun_path) ? 0 : -ENAMETOOLONG;
}

int unix_socket_listen(const char *path, mode_t mode)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    _cleanup_close_ int dir_fd = -1;
    struct sockaddr_un address;
    struct stat st;
    int r = make_address(path, &address, &dir_fd);

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
    if (fchmod(fd, mode) || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
        listen(fd, 16)) {
        return -errno;
    }
    return TAKE_FD(fd);
}

int unix_socket_connect(const char *path)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    _cleanup_close_ int dir_fd = -1;
    struct sockaddr_un address;
    int r = make_address(path, &address, &dir_fd);

    if (r < 0) {
        return r;
    }
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        return -errno;
    }
    return TAKE_FD(fd);
}
