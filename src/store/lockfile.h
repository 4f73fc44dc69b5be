// SPDX-License-Identifier: Apache-2.0
// Who may write a database file: whoever holds a POSIX record lock on `.NAME.~lock~` beside the
// real file. The kernel releases it with the process. The lock file itself stays.
#pragma once

#include "model/error.h"

struct lockfile;

// `path` is the real file (file_resolve()), which need not exist yet. Fails without waiting; the
// error names the process that has the lock. Engine thread only.
struct ovsdb_error *lockfile_acquire(const char *path, struct lockfile **ret);
// True if a process, perhaps this one, has the lock. Changes nothing on the disk.
bool lockfile_is_held(const char *path);
void lockfile_release(struct lockfile *lockfile); // NULL allowed
