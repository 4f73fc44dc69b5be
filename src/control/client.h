// SPDX-License-Identifier: Apache-2.0
// One client of the control socket. One command at a time: while it runs and until its answer has
// been taken, nothing more is read, so that a client costs bounded memory.
#pragma once

#include "basic/clock.h"
#include "basic/list.h"
#include "control/call.h"
#include "control/control.h"

#include <systemd/sd-event.h>

struct control_client;

struct control_client_owner {
    struct list node; // for the owner to list it
    // The client is finished: from a callback of the event loop, where it must not be freed.
    void (*ended)(struct control_client *client, void *userdata);
    void *userdata;
};

// Takes over `fd`. 0 or negative errno; then `fd` is still the caller's.
int control_client_new(sd_event *event, struct command_registry *registry, enum control_kind kind,
                       int fd, const struct control_client_owner *owner,
                       struct control_client **ret);
struct control_client_owner *control_client_owner(struct control_client *client);
struct control_client *control_client_of(struct list *node);
// Ends the client if it has nothing to do and has asked for nothing. False: it has.
bool control_client_end_idle(struct control_client *client);
// A command that still runs goes on, its answer is dropped.
void control_client_free(struct control_client *client);
// Sends what is queued, until `end` of the monotonic clock at the latest.
void control_client_flush(struct control_client *client, usec_t end);
