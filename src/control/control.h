// SPDX-License-Identifier: Apache-2.0
// The control socket of the server, and calls to it from programs.
#pragma once

#include "control/command.h"

#include <systemd/sd-event.h>

struct control;

enum control_kind {
    CONTROL_COMMANDS, // for ovs-appctl and varlink
    CONTROL_METRICS,  // for HTTP: GET /metrics only
};

// Listens at the Unix socket `path`; replaces a stale socket file. The file has the mode 0660 minus
// the umask; a group that can read it can also connect. The errno of a failure is EADDRINUSE if a
// process listens there.
struct failure *control_new(sd_event *event, struct command_registry *registry, const char *path,
                            struct control **ret);
// The same on a listening socket passed by the service manager. Takes over `fd` on success.
struct failure *control_new_from_fd(sd_event *event, struct command_registry *registry,
                                    enum control_kind kind, int fd, struct control **ret);
// Sends queued answers for at most a second, and removes the socket file. NULL allowed.
void control_free(struct control *control);

// Runs a command by the control socket `path`. Blocks; for tools. Returns 0 with the result in
// *ret_text (caller frees), 1 with the server's error message there, or negative errno: -EPROTO for
// an invalid answer, -ECONNRESET if the server closed without an answer. `as_json`: the result is
// JSON text; some servers do not support this.
int control_call(const char *path, bool as_json, const char *command, int n_args, char **args,
                 char **ret_text);
// The next two functions are for programs that keep a connection of their own. Appends the
// parameters of a call, as JSON, to *buf.
void control_put_params(struct buf *buf, int n_args, char **args);
// Returns the text of the answer `value`: the content of a string, "" for null, otherwise the JSON
// text; with `as_json` always the JSON text. Caller frees.
char *control_text_of(struct slice value, bool as_json);
