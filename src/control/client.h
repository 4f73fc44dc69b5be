// SPDX-License-Identifier: Apache-2.0
// One client of the control socket. It runs one command at a time: nothing is read from it while a
// command runs and until its answer has been sent. Therefore a client costs bounded memory.
#pragma once

#include "basic/clock.h"
#include "basic/list.h"
#include "control/call.h"

#include <systemd/sd-event.h>

struct control_client;
struct dialect;

struct control_client_owner {
    struct list node; // in a list of the owner's
    // The client has ended, and the owner must free it later: this is called from within the
    // client. Called at most once.
    void (*ended)(struct control_client *client, void *userdata);
    void *userdata;
};

// Makes a client for the connected non-blocking socket `fd`, which it takes over. `dialect` is the
// one it uses; NULL: the first message shows whether it is that of ovs-appctl or varlink. Copies
// `owner`. Returns 0, or negative errno: then `fd` is still the caller's.
int control_client_new(sd_event *event, struct command_registry *registry,
                       const struct dialect *dialect, int fd,
                       const struct control_client_owner *owner, struct control_client **ret);
struct control_client_owner *control_client_owner(struct control_client *client);
struct control_client *control_client_of(struct list *node); // the client of an owner's node
// Ends the client if it is idle: no command, no answer and no input is pending. Returns whether it
// ended.
bool control_client_end_idle(struct control_client *client);
// Frees the client. A command that still runs continues, but its answer is dropped. NULL allowed.
void control_client_free(struct control_client *client);
// Sends the queued answer, at most until the monotonic time `end`. Blocks.
void control_client_flush(struct control_client *client, usec_t end);
