// SPDX-License-Identifier: Apache-2.0
// Unix sockets that listen at a file, and connections to them. Paths can have any length.
//
// A stale socket file, at which no process listens, is replaced; the file of a running server is
// not. Two processes that listen at the same path at the same time do not replace each other's
// socket, because each holds a lock on the folder while it does this.
#pragma once

#include "basic/failure.h"

#include <sys/types.h>

struct socket_file {
    char *path; // NULL: there is none
    dev_t device;
    ino_t inode;
};

// Makes a stream socket (close-on-exec, non-blocking) that listens at the absolute `path`, whose
// file has `mode` minus the umask. Stores the file in *ret and the descriptor in *ret_fd. The errno
// of a failure is EADDRINUSE if a process listens there, EEXIST if a file is there that is not a
// socket. Waits for the lock for at most 0.1 s.
struct failure *socket_file_listen(const char *path, mode_t mode, int backlog,
                                   struct socket_file *ret, int *ret_fd);
// Removes the file unless it has been replaced, and forgets it. No effect if there is none. Call it
// before closing the socket: while the socket is open no other file can get its inode number.
void socket_file_remove(struct socket_file *file);
// Connects to the socket file `path` (absolute, or in the run directory). Blocks. Returns the
// descriptor (close-on-exec) or negative errno.
int socket_file_connect(const char *path);
