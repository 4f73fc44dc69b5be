// SPDX-License-Identifier: Apache-2.0
// Sockets that the service manager opened for us (socket activation).
#pragma once

#include <stddef.h>

struct listen_fd {
    int fd;     // close-on-exec is set
    char *name; // FileDescriptorName=, "unknown" if it has none
};

// Takes them all; a second call finds none. Before daemonize_start(), which changes the process id
// they are addressed to. Number of descriptors, or negative errno. Free with listen_fds_free().
int listen_fds_take(struct listen_fd **ret);
// Adds a descriptor that was inherited under this number, with the name "inherited"; sets
// close-on-exec. Once for each, before anything else is opened. NULL, or why it is no stream socket
// that listens (caller frees).
char *listen_fds_add(struct listen_fd **fds, int *n, int fd);
// Closes those whose fd is still >= 0.
void listen_fds_free(struct listen_fd *fds, size_t n);
