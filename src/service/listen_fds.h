// SPDX-License-Identifier: Apache-2.0
// Listening sockets that this process was started with (socket activation).
#pragma once

#include "basic/failure.h"

#include <stddef.h>

struct listen_fd {
    int fd;     // close-on-exec is set
    char *name; // FileDescriptorName=, "unknown" if it has none
};

// Takes all descriptors that the service manager has passed; a second call finds none. Call it
// before daemonize_start(), because they are meant for the present process id. Returns how many
// there are, or negative errno. Free *ret with listen_fds_free().
int listen_fds_take(struct listen_fd **ret);
// Adds the inherited descriptor `fd`, with the name "inherited", and sets close-on-exec. Call it
// once for each, before other descriptors are opened. Fails if `fd` is not a listening stream
// socket or is in the array already.
struct failure *listen_fds_add(struct listen_fd **fds, int *n, int fd);
// Frees the array, and closes the descriptors in it that are not -1.
void listen_fds_free(struct listen_fd *fds, size_t n);
