// SPDX-License-Identifier: Apache-2.0
// The lock of a database file: only the process that holds a POSIX record lock on `.NAME.~lock~`
// beside the real file may write it. The kernel releases the lock when the process ends. The lock
// file remains.
#pragma once

#include "model/error.h"

struct lockfile;

// Takes the lock of `path`, the real file (file_resolve()), which need not exist. Does not wait: if
// the lock is held, the error names the process that holds it. Engine thread only.
struct ovsdb_error *lockfile_acquire(const char *path, struct lockfile **ret);
// True if a process, including this one, holds the lock. Does not make the lock file.
bool lockfile_is_held(const char *path);
void lockfile_release(struct lockfile *lockfile); // NULL allowed
