// SPDX-License-Identifier: Apache-2.0
// A backup's side of a connection to its active server: the messages that come in are handled, what
// is to be sent goes out through a sink. No I/O.
//
//     replica_start --> get_server_id, list_dbs --> per database: get_schema --> monitor
//         --> initial contents applied --> updates applied ... until the connection ends
//
// One replica lives as long as one connection.
#pragma once

#include "engine/db.h"
#include "replication/exclude.h"

struct replica;

struct replica_handler {
    // Sends a message to the active server.
    void (*send)(void *userdata, struct slice text);
    // The database of this name as it is now, or NULL if it is gone. Borrowed until the next turn.
    struct db *(*find_db)(void *userdata, const char *name);
    // The connection is of no use: close it (not from within this call) and dial again.
    void (*give_up)(void *userdata, const char *reason);
};

// `exclude` stays the caller's and must not change meanwhile. `own_id` is our get_server_id: a
// server must not be its own backup.
struct replica *replica_new(const struct replica_handler *handler, void *userdata,
                            struct uuid own_id, const struct exclude *exclude);
void replica_free(struct replica *replica); // NULL allowed
// A database to be replicated. Before replica_start().
void replica_add_db(struct replica *replica, const char *name);
void replica_start(struct replica *replica);
// One value that passed the framer.
void replica_receive(struct replica *replica, struct slice text);
// True once the initial contents of every replicated database have been applied.
bool replica_is_replicating(const struct replica *replica);
// The names of the replicated databases, separated by ", ".
void replica_put_databases(const struct replica *replica, struct buf *buf);
