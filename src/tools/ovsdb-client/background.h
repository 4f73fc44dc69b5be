// SPDX-License-Identifier: Apache-2.0
// ovsdb-client in the background, if asked (--detach, --pidfile, ...), with a control socket of its
// own then, and with an orderly end on a signal.
//
//     client_background_fork()   before anything is opened
//     client_background_begin()  connected: control socket, signals
//     client_background_ready()  the first output is out: the waiting parent exits
//     client_background_end()    after client_stop()
//     client_background_die()    everything is freed
#pragma once

#include "control/command.h"
#include "tools/ovsdb-client/verbs.h"

void client_background_fork(struct client_context *context);
// `commands` (ended by one without a name, may be NULL) are registered beside "exit", "version" and
// those of the log. Their userdata is `context`.
void client_background_begin(struct client_context *context, const struct command *commands);
// Has client_stop() end the program, for verbs that do not look for it.
void client_background_end_on_stop(struct client_context *context);
// The next client_call() is followed by client_background_ready() when its request has left, if the
// program is to go into the background. For verbs whose reply may take long.
void client_background_when_sent(struct client_context *context);
// A second call does nothing. Standard output and error stay open: they are what such a client is
// for.
void client_background_ready(struct client_context *context);
// Answers and closes the control socket, closes the connection, removes the pid file.
void client_background_end(struct client_context *context);
// Last thing in main(): if a signal stopped the verb, the process dies of it after all.
void client_background_die(void);
