// SPDX-License-Identifier: Apache-2.0
// The clustered databases of this server. Each has a file (store/cluster_log.h), a member
// (cluster/member.h) and connections to the other members (peers.h). This module gives the member
// disk, network and time, and the database to the server.
#pragma once

#include "cluster/member.h"
#include "daemon/databases/databases.h"
#include "net/net.h"

#include <systemd/sd-event.h>

struct clusters;
struct cluster_control;
struct clustered; // one database

// Serves the files of clusters that databases_add() is given from now on. TLS options are those of
// `net`.
struct clusters *clusters_new(sd_event *event, struct server *server, struct databases *databases,
                              struct net *net, struct group_commit *group_commit);
void clusters_free(struct clusters *clusters); // NULL allowed
// The members begin to take part. Before this call, the databases are loaded only.
void clusters_start(struct clusters *clusters);
// At the end of each turn of the loop, before group_commit_flush(): appends what was committed,
// applies a bounded number of entries. True: call again soon.
bool clusters_run(struct clusters *clusters);
// Hands the leadership of all databases over to other members. True: `done` is called when this has
// succeeded, or after `timeout`; false: this server leads no cluster of several members.
bool clusters_hand_over(struct clusters *clusters, usec_t timeout, void (*done)(void *userdata),
                        void *userdata);

// What the control commands call (control.h).
const struct cluster_control *clusters_control(struct clusters *clusters);
// The clustered database of this name, or NULL.
struct clustered *clusters_find(const struct clusters *clusters, const char *name);
// Iterates over all: start with *state = 0, until NULL.
struct clustered *clusters_next(const struct clusters *clusters, size_t *state);
// Why the member has failed, or NULL. Valid until the database is removed.
const char *clustered_failure(const struct clustered *clustered);
// Puts a snapshot in the place of the log. `done` is called once and takes over `failure`, NULL for
// success.
void clustered_compact(struct clustered *clustered,
                       void (*done)(void *userdata, struct failure *failure), void *userdata);
// Starts that for databases whose files have grown enough.
void clusters_compact_if_due(struct clusters *clusters);
