// SPDX-License-Identifier: Apache-2.0
// The control socket, and its client.
#pragma once

#include "control/command.h"

#include <systemd/sd-event.h>

struct control;

enum control_kind {
    CONTROL_COMMANDS, // for ovs-appctl and varlink
    CONTROL_METRICS,  // for HTTP: GET /metrics, and nothing else
};

// Listens on the Unix socket `path` (a socket left there is replaced; mode 0660 less the umask). 0
// or negative errno, with the reason in *ret_error (caller frees).
int control_new(sd_event *event, struct command_registry *registry, const char *path,
                struct control **ret, char **ret_error);
// The same on a listening socket passed by the service manager, which control_free() closes.
int control_new_from_fd(sd_event *event, struct command_registry *registry, enum control_kind kind,
                        int fd, struct control **ret, char **ret_error);
void control_free(struct control *control); // answers what is queued, removes the socket file

// One call to the control socket `path`, blocking (tools). 0: *ret_text (caller frees) is the
// result; 1: the server's error text; negative errno: -EPROTO for an answer that is none,
// -ECONNRESET if the server closed without one. `as_json`: the result is JSON text, which not every
// server can give.
int control_call(const char *path, bool as_json, const char *command, int n_args, char **args,
                 char **ret_text);
// The two ends of such a call, for those that have a connection of their own. Appends the
// parameters as JSON.
void control_put_params(struct buf *buf, int n_args, char **args);
// The text of the answer `value`: a string's content, nothing for null, of anything else its JSON;
// with `as_json` always that. Caller frees.
char *control_text_of(struct slice value, bool as_json);
