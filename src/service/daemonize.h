// SPDX-License-Identifier: Apache-2.0
// Running in the background (--detach), and a monitor that restarts a crashed process (--monitor).
//
//     parent of --detach     waits until the worker is ready, then exits with 0, or with the exit
//       |                    status of its child
//       +-- monitor          restarts the worker when it crashes
//             |
//             +-- worker     the only process in which daemonize_start() returns
//
// Without these options the caller itself is the worker.
#pragma once

#include "basic/failure.h"

#include <stdbool.h>

struct daemonize_options {
    bool detach;
    bool monitor;
    bool no_chdir;
    bool overwrite_pidfile;
    char *pidfile; // absolute, or NULL: none
};

// Forks as the options say, and makes the pid file. Call it before any thread is started. Returns
// in the worker, and after a failure before the fork also in the caller.
struct failure *daemonize_start(const struct daemonize_options *options);
// Returns the crash state (crash_state.h) that the monitor keeps for its workers, or -1 without
// --monitor. The descriptor belongs to this module.
int daemonize_crash_state(void);
// The worker calls this once when it is ready: the waiting parent exits. With --detach it also
// closes standard input, output and error and (unless no_chdir) changes to the root folder.
void daemonize_ready(void);
