// SPDX-License-Identifier: Apache-2.0
// Being a backup (active-backup replication): the connection to the active server, what the options
// and the control commands say of it, and the change of roles. See replication/replica.h for what
// is said on that connection.
#pragma once

#include "control/command.h"
#include "daemon/databases/databases.h"
#include "net/net.h"
#include "replication/exclude.h"

#include <systemd/sd-event.h>

struct sync;

// Active at first, without a source. To an "ssl:" one it speaks as `net` does.
struct sync *sync_new(sd_event *event, struct server *server, struct databases *databases,
                      struct net *net);
void sync_free(struct sync *sync); // NULL allowed
void sync_register_commands(struct sync *sync, struct command_registry *registry);

// The configuration file that says what the role is, so that the commands refuse to change it;
// NULL: none.
void sync_set_owner(struct sync *sync, const char *file);
// How to connect to the source: a connection that is there stays.
void sync_set_options(struct sync *sync, const struct remote_options *options);
// These return NULL, or what is wrong (caller frees).
char *sync_set_source(struct sync *sync, const char *target);
char *sync_set_exclude(struct sync *sync, const char *tables);
bool sync_is_backup(const struct sync *sync);
const char *sync_source(const struct sync *sync); // NULL: none
const struct remote_options *sync_options(const struct sync *sync);
const struct exclude *sync_exclude(const struct sync *sync);
// Becomes a backup of the source.
char *sync_connect(struct sync *sync);
// Becomes active.
void sync_disconnect(struct sync *sync);
