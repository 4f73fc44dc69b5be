// SPDX-License-Identifier: Apache-2.0
// Stream sockets in the file system, with absolute names of any length.
#pragma once

#include <sys/types.h>

// Listens on `path` with `mode` less the umask; a socket file left there is replaced. The
// descriptor (close-on-exec, non-blocking), or negative errno.
int unix_socket_listen(const char *path, mode_t mode);
// Connects, blocking. The descriptor (close-on-exec), or negative errno.
int unix_socket_connect(const char *path);
