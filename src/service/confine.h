// SPDX-License-Identifier: Apache-2.0
// Self-confinement: the process keeps to its folders. Names that come from outside are checked
// against them, for a clear message; and the kernel enforces the same through Landlock, where it
// has it, whatever a bug makes us do.
//
//     confine_enable();                    // the folders that everybody knows
//     confine_allow(CONFINE_LOG, "/x/y");  // what the command line names besides
//     confine_allow_path("/x", true);      // --allow-path
//     confine_enforce(&error);             // before the first thread, the first byte of a client
//     ...
//     error = confine_check(CONFINE_DATABASE, name);
//
// Without confine_enable(), everything is allowed and nothing enforced.
#pragma once

#include <stdbool.h>

// What a file is for; a folder allows some or all.
enum confine_use {
    CONFINE_READ = 1 << 0,     // certificates, schemas
    CONFINE_DATABASE = 1 << 1, // with its lock file, and the new file of a compaction
    CONFINE_SOCKET = 1 << 2,   // made and removed
    CONFINE_LOG = 1 << 3,      // made, appended to
    CONFINE_PIDFILE = 1 << 4,  // removed: it is made before
    CONFINE_ALL = (1 << 5) - 1,
};

// The run, log and database folders are open to every use; those of configuration, of packaged
// schemas, of systemd's credentials, and the standard places of keys and certificates to reading.
// Once.
void confine_enable(void);
// Allows `use` in the folder of the file `path`, and in that of the file it links to. Before
// confine_enforce(). Nothing if confine_enable() was not called.
void confine_allow(enum confine_use use, const char *path);
// Allows every use, or only to read, in and below the folder `path`, or of the file `path`. Before
// confine_enforce(). False if it does not exist, so that the kernel cannot be told to allow it.
bool confine_allow_path(const char *path, bool read_only);
// NULL if `path` lies in a folder that allows `use`, links resolved; else why not (caller frees).
char *confine_check(enum confine_use use, const char *path);
// Has the kernel enforce it, for this thread and those it will start; no program can be run any
// more. A kernel without Landlock is no error. 0 or negative errno, with the reason in *ret_error
// (caller frees).
int confine_enforce(char **ret_error);
void confine_done(void); // forgets the folders: everything passes confine_check() again
