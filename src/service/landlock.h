// SPDX-License-Identifier: Apache-2.0
// The kernel's Landlock, from its first ABI on: what is not allowed by a rule is denied.
#pragma once

#include <stdint.h>

// Groups of rights.
enum {
    LANDLOCK_READ = 1 << 0,         // open files for reading, list folders
    LANDLOCK_WRITE = 1 << 1,        // open files for writing, truncate them
    LANDLOCK_MAKE_FILES = 1 << 2,   // regular ones; rename them within the folder
    LANDLOCK_MAKE_SOCKETS = 1 << 3, // bind
    LANDLOCK_REMOVE = 1 << 4,       // anything but folders
};

// A set of rules that denies everything this kernel can deny about files: also to run programs, to
// make links and devices, to move files between folders, and to signal others or to meet their
// abstract sockets. A descriptor, or negative errno: -ENOSYS or -EOPNOTSUPP if there is no
// Landlock.
int landlock_new(void);
// Allows `rights` for `path`, and beneath it if it is a folder. What does not exist is skipped. 0
// or negative errno.
int landlock_allow(int ruleset, const char *path, uint64_t rights);
// Puts the rules into force, for this thread and what it starts later, for good; sets no_new_privs.
// 0 or negative errno.
int landlock_enforce(int ruleset);
