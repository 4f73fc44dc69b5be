// SPDX-License-Identifier: Apache-2.0
// Relays: databases whose contents and schema come from a source, which executes the changes that
// our clients request. They have no file. replication/replica.h keeps the copy, session/forward.h
// forwards.
#pragma once

#include "control/command.h"
#include "daemon/databases/databases.h"
#include "net/net.h"

struct relays;
struct upstreams;

// From now on databases_add() can add relays, and databases_remove() can remove them.
struct relays *relays_new(struct server *server, struct databases *databases,
                          struct upstreams *upstreams);
void relays_free(struct relays *relays); // before databases_free(); NULL allowed
void relays_register_commands(struct relays *relays, struct command_registry *registry);

// Connects all relays to their sources, and later ones at once. Call when the TLS options are set.
void relays_start(struct relays *relays);

// Sets the options of the connection of a relay to its source. A change connects again. No effect
// if the database `name` is not a relay.
void relays_set_options(struct relays *relays, const char *name,
                        const struct remote_options *options);
// Sets the probe interval of these connections, for all present and future relays.
void relays_set_probe_interval(struct relays *relays, uint64_t ms);
// The probe interval of the connections of future relays.
uint64_t relays_probe_interval(const struct relays *relays);

struct relay_state {
    const char *source; // the list of remotes
    const char *remote; // the one of them that is connected or being dialed
    bool is_connected;  // to a source that reports that it is connected itself
    const char *error;  // why it is not connected, or NULL
};
// False if the database `name` is not a relay.
bool relay_state(const struct relays *relays, const char *name, struct relay_state *ret);
