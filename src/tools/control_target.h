// SPDX-License-Identifier: Apache-2.0
// The daemon to which a control command is sent, as ovs-appctl's -t names it.
//
//     /FILE   a control socket
//     NAME    RUNDIR/NAME.PID.ctl is the control socket, where RUNDIR/NAME.pid holds PID; otherwise
//             RUNDIR/NAME.ctl is the control socket
//     REMOTE  ssl:HOST:PORT, tcp:HOST:PORT or unix:FILE, a proxy for a control socket
#pragma once

#include "net/tls/options.h"

#include <stdbool.h>

// Connects to `target`, runs the command argv[0] with the arguments that follow it, and waits for
// the reply. Returns 0 and the reply in *ret_text, 1 and the daemon's error, or negative errno and
// the reason why the daemon cannot be reached; the caller frees *ret_text. Ends the program if
// `target` is a remote that cannot be reached. `as_json`: the reply is JSON text, which daemons of
// other projects may refuse. `tls` is read for ssl: only.
int control_target_call(const char *target, const struct tls_options *tls, bool as_json, int argc,
                        char **argv, char **ret_text);
