// SPDX-License-Identifier: Apache-2.0
// The pid file: holds the process id and is locked (fcntl) as long as the process runs; whoever
// finds it unlocked knows that it is stale.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

// Writes and locks the file for the calling process; it is removed when the process exits. One per
// process. Refuses when another process holds it, unless `overwrite`. 0 or negative errno, with the
// reason in *ret_error (caller frees).
int pidfile_create(const char *path, bool overwrite, char **ret_error);
// Refuses in the same way when another process holds the file, whatever its pid namespace.
int pidfile_check(const char *path, char **ret_error);
// Removes it now, if it is still ours. Harmless without one and in a forked child.
void pidfile_remove(void);
// The pid of the process that runs with this pid file, as in its own pid namespace: it names the
// process's control socket, but may not be signaled. 0; -ESRCH if nobody holds it (stale),
// -EINVAL if it holds no number, or the errno of opening it. Not for one's own file: closing drops
// the lock.
int pidfile_read(const char *path, pid_t *ret);
