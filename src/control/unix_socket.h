// SPDX-License-Identifier: Apache-2.0
// Stream sockets in the file system, with absolute names of any length.
#pragma once

// Connects, blocking. The descriptor (close-on-exec), or negative errno.
int unix_socket_connect(const char *path);
