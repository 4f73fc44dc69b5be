// SPDX-License-Identifier: Apache-2.0
// Landlock, the kernel's file access control for unprivileged processes: what no rule allows is
// denied. Works with every ABI version of it.
#pragma once

#include <stdint.h>

// Groups of rights.
enum {
    LANDLOCK_READ = 1 << 0,         // open files for reading, list folders
    LANDLOCK_WRITE = 1 << 1,        // open files for writing, truncate them
    LANDLOCK_MAKE_FILES = 1 << 2,   // make regular files, rename them within the folder
    LANDLOCK_MAKE_SOCKETS = 1 << 3, // bind
    LANDLOCK_REMOVE = 1 << 4,       // anything but folders
};

// Makes a ruleset that denies all file access that this kernel can deny, including execution,
// making links and devices, and moving files between folders. If the kernel can, it also denies
// sending signals to other processes and connecting to their abstract sockets. Returns a
// descriptor, or negative errno: -ENOSYS or -EOPNOTSUPP if there is no Landlock.
int landlock_new(void);
// Allows `rights` for `path` and, if it is a folder, for everything beneath it. No effect if it
// does not exist. Returns 0 or negative errno.
int landlock_allow(int ruleset, const char *path, uint64_t rights);
// Enforces the rules permanently, for this thread and the threads and processes that it starts
// later. Sets no_new_privs. Returns 0 or negative errno.
int landlock_enforce(int ruleset);
