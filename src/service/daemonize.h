// SPDX-License-Identifier: Apache-2.0
// Into the background, and a monitor that restarts what crashed.
//
//     the shell --fork--> parent of --detach: waits until ready, exits 0 (or with the child's
//     failure)
//                           `--fork--> monitor (--monitor): restarts the worker when it crashes
//                                        `--fork--> worker: the only one that daemonize_start()
//                                        returns in
//
// Without the options the caller itself is the worker.
#pragma once

#include <stdbool.h>

struct daemonize_options {
    bool detach;
    bool monitor;
    bool no_chdir;
    bool overwrite_pidfile;
    char *pidfile; // absolute, or NULL: none
};

// Forks as asked, and makes the pid file. Returns in the worker only; before any thread is started.
// 0 or negative errno, with the reason in *ret_error (caller frees).
int daemonize_start(const struct daemonize_options *options, char **ret_error);
// With --monitor, the memory (crash_state.h) in which a worker finds what the one before it has
// written. The descriptor stays with this module; -1: there is none.
int daemonize_crash_state(void);
// The worker serves: the waiting parent may exit. With --detach gives up standard input, output and
// error, and (unless no_chdir) changes to the root folder. Once.
void daemonize_ready(void);
