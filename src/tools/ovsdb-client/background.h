// SPDX-License-Identifier: Apache-2.0
// ovsdb-client as a daemon (--detach, --pidfile, --unixctl): with a control socket, and cleaning up
// when a signal ends it. Without these options the functions do nothing. In this order:
//
//     client_background_fork()   before anything is opened
//     client_background_begin()  after connecting: opens the control socket, catches signals
//     client_background_ready()  after the first output: the waiting parent exits
//     client_background_end()    after client_stop()
//     client_background_die()    after everything is freed
#pragma once

#include "control/command.h"
#include "tools/ovsdb-client/verbs.h"

void client_background_fork(struct client_context *context);
// `commands` (ended by one without a name, may be NULL) are registered in addition to "exit",
// "version" and the commands of the log. Their userdata is `context`.
void client_background_begin(struct client_context *context, const struct command *commands);
// Makes client_stop() end the program, for verbs that do not check for CLIENT_STOPPED.
void client_background_end_on_stop(struct client_context *context);
// With --detach, the next client_call() calls client_background_ready() when its request is sent.
// For verbs whose reply may take long.
void client_background_when_sent(struct client_context *context);
// Lets the parent of --detach exit. Standard output and error stay open, because the verb prints to
// them. A second call does nothing.
void client_background_ready(struct client_context *context);
// Closes the connection and, after pending replies, the control socket; removes the pid file.
void client_background_end(struct client_context *context);
// Call it last in main(): if a signal stopped the verb, ends the process by that signal.
void client_background_die(void);
