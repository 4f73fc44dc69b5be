// SPDX-License-Identifier: Apache-2.0
// Unix sockets that listen at a file. A stale file, at which no process listens, is replaced; the
// file of a running server is refused. Two processes
// that use these functions for the same path at the same time do not replace each other's socket:
// they hold a lock on the folder meanwhile.
#pragma once

#include <sys/types.h>

struct socket_file {
    char *path; // NULL: there is none
    dev_t device;
    ino_t inode;
};

// Makes a stream socket (close-on-exec, non-blocking) that listens at the absolute `path` with
// `mode` less the umask; a path of any length. The descriptor; *ret then names the file that was
// made. Or negative errno with the reason in *ret_error (caller frees): -EADDRINUSE if somebody
// listens there, -EEXIST if a file is there that is not a socket. Waits at most for a moment.
int socket_file_listen(const char *path, mode_t mode, int backlog, struct socket_file *ret,
                       char **ret_error);
// Removes the file, unless it has been replaced since. To be called before the socket is closed: as
// long as it is open no other file can have its inode.
void socket_file_remove(struct socket_file *file);
