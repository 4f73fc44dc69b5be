// SPDX-License-Identifier: Apache-2.0
// Self-confinement: the process uses only files in certain folders. This program checks every file
// name that comes from outside, which gives a clear error message. The kernel enforces the same by
// Landlock, if it has it, which also limits the effects of a bug.
//
//     confine_enable();                    // the standard folders
//     confine_allow(CONFINE_LOG, "/x/y");  // files named on the command line
//     confine_allow_path("/x", true);      // --allow-path
//     confine_enforce();                   // before the first thread and the first client
//     ...
//     failure = confine_check(CONFINE_DATABASE, name);
//
// Without confine_enable(), everything is allowed and nothing is enforced.
#pragma once

#include "basic/failure.h"

#include <stdbool.h>

// The uses of files. A folder allows a set of them.
enum confine_use {
    CONFINE_READ = 1 << 0,     // certificates, schemas
    CONFINE_DATABASE = 1 << 1, // a database, its lock file, and the new file of a compaction
    CONFINE_SOCKET = 1 << 2,   // to make and remove sockets
    CONFINE_LOG = 1 << 3,      // to make log files and append to them
    CONFINE_PIDFILE = 1 << 4,  // to remove the pid file, which is made before the confinement
    CONFINE_ALL = (1 << 5) - 1,
};

// Starts the confinement with the standard folders. Run, log and database folders allow every use.
// The folders of the configuration, of packaged schemas, of systemd's credentials, and the standard
// folders of keys and certificates allow reading. Call it once (asserted).
void confine_enable(void);
// Allows `use` in the folder of the file `path` and, if it is a link, in the folder of its target.
// Before confine_enforce(). No effect without confine_enable().
void confine_allow(enum confine_use use, const char *path);
// Allows every use, or only reading, of the file `path`, or in and below the folder `path`. Before
// confine_enforce(). Returns false if it does not exist: then the kernel will not allow it.
bool confine_allow_path(const char *path, bool read_only);
// Fails unless a folder that allows `use` contains `path` (after resolving links). The text names
// the option that would allow it.
struct failure *confine_check(enum confine_use use, const char *path);
// Makes the kernel enforce the rules, for this thread and the threads it starts later. No program
// can be executed afterwards. A kernel without Landlock is not a failure.
struct failure *confine_enforce(void);
void confine_done(void); // forgets the folders; confine_check() then accepts everything
