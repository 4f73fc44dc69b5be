// SPDX-License-Identifier: Apache-2.0
// The pid file: contains the process id, and is locked (fcntl) while the process runs. A pid file
// that is not locked is stale.
#pragma once

#include "basic/failure.h"

#include <stdbool.h>
#include <sys/types.h>

// Writes and locks the file for the calling process, and removes it when the process exits. A
// process has at most one. FAILURE_BUSY: another process has locked it and `overwrite` is false.
struct failure *pidfile_create(const char *path, bool overwrite);
// Fails with FAILURE_BUSY if another process, of any pid namespace, has locked the file.
struct failure *pidfile_check(const char *path);
// Removes the file now, unless it has been replaced. No effect without a file and in a forked
// child.
void pidfile_remove(void);
// Stores the pid in a pid file that is in use. It is a pid in the namespace of that process: good
// for the name of its control socket, but not for signals. Returns 0, or negative errno: -ESRCH if
// the file is stale, -EINVAL if it has no number, or the error of opening it. Not for the caller's
// own file, as closing it would drop the lock.
int pidfile_read(const char *path, pid_t *ret);
