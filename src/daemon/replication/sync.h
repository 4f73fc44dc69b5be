// SPDX-License-Identifier: Apache-2.0
// The server as backup (active-backup replication): the connection to the active server, the control
// commands that change it, and the change of roles. replication/replica.h has the protocol on that
// connection.
#pragma once

#include "control/command.h"
#include "daemon/databases/databases.h"
#include "net/net.h"
#include "replication/exclude.h"

#include <systemd/sd-event.h>

struct sync;

// The server is active and without source at first. An "ssl:" source uses the TLS options of `net`.
struct sync *sync_new(sd_event *event, struct server *server, struct databases *databases,
                      struct net *net);
void sync_free(struct sync *sync); // NULL allowed
void sync_register_commands(struct sync *sync, struct command_registry *registry);

// Sets the configuration file that owns the role: commands then refuse to change it. NULL: none.
void sync_set_owner(struct sync *sync, const char *file);
// Sets the options of the connection to the source. An open connection stays open.
void sync_set_options(struct sync *sync, const struct remote_options *options);
// Set the source, or the tables that are not replicated; a backup then connects again. NULL, or what
// is wrong (caller frees).
char *sync_set_source(struct sync *sync, const char *target);
char *sync_set_exclude(struct sync *sync, const char *tables);
bool sync_is_backup(const struct sync *sync);
const char *sync_source(const struct sync *sync); // NULL: none
const struct remote_options *sync_options(const struct sync *sync);
const struct exclude *sync_exclude(const struct sync *sync);
// Makes the server a backup of the source. NULL, or what is wrong (caller frees).
char *sync_connect(struct sync *sync);
// Makes the server active.
void sync_disconnect(struct sync *sync);
