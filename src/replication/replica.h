// SPDX-License-Identifier: Apache-2.0
// A backup's side of a connection to its active server: the messages that come in are handled, what
// is to be sent goes out through a sink. No I/O.
//
//     replica_start --> get_server_id, list_dbs --> per database: get_schema --> monitor_cond_since
//         --> contents or difference applied --> updates applied ... until the connection ends
//
// After a reconnection a source that still knows the last transaction that was applied sends the
// difference only (replication/resume.h). Older sources are asked by "monitor_cond" or "monitor",
// and send all contents each time.
//
// The schemas may differ as long as the contents fit: tables and columns that only one side has are
// left alone, with the values that they have here.
//
// One replica lives as long as one connection.
#pragma once

#include "engine/db.h"
#include "replication/exclude.h"
#include "replication/resume.h"

struct replica;

struct replica_handler {
    // Sends a message to the active server.
    void (*send)(void *userdata, struct slice text);
    // The database of this name as it is now, or NULL if it is gone. Borrowed until the next turn.
    struct db *(*find_db)(void *userdata, const char *name);
    // The connection is of no use: close it (not from within this call) and dial again.
    void (*give_up)(void *userdata, const char *reason);
    // The other server is this one, which cannot be its own backup. The replica does nothing more.
    void (*is_self)(void *userdata);
};

// `exclude` stays the caller's and must not change meanwhile; so does `resume`, which outlives the
// connection. `own_id` is our get_server_id.
struct replica *replica_new(const struct replica_handler *handler, void *userdata,
                            struct uuid own_id, const struct exclude *exclude,
                            struct resume *resume);
void replica_free(struct replica *replica); // NULL allowed
// A database to be replicated. Before replica_start().
void replica_add_db(struct replica *replica, const char *name);
void replica_start(struct replica *replica);
// One value that passed the framer.
void replica_receive(struct replica *replica, struct slice text);
// True once the initial contents of every replicated database have been applied.
bool replica_is_replicating(const struct replica *replica);
// How it is with the database `name`: true if it is replicating. Else *ret_reason is why it cannot
// be replicated, or NULL if nothing is known to be wrong; it lives as long as the replica.
bool replica_db_status(const struct replica *replica, const char *name, const char **ret_reason);
