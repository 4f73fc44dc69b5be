// SPDX-License-Identifier: Apache-2.0
// The client of a backup server on a connection to its active server. Handles received messages and
// sends its own through functions of the caller. No I/O, no clock. A replica lives as long as one
// connection:
//
//     replica_start() --> get_server_id, list_dbs --> for each database: get_schema -->
//         monitor_cond_since --> contents or difference applied --> updates applied until the
//         connection ends
//
// After a reconnection, an active server that still knows the last applied transaction sends the
// difference only (replication/resume.h). Older servers are sent "monitor_cond" or "monitor", and reply
// with all contents each time.
//
// The schemas of the two servers may differ. Tables and columns that only one of them has are not
// replicated; ours keep their contents.
#pragma once

#include "engine/db.h"
#include "replication/exclude.h"
#include "replication/resume.h"

struct replica;

struct replica_handler {
    // Sends a message to the active server.
    void (*send)(void *userdata, struct slice text);
    // Our database with this name, or NULL if it is no longer served. Borrowed until the function of
    // the replica returns.
    struct db *(*find_db)(void *userdata, const char *name);
    // The replica cannot continue: close the connection, not from within this call, and connect again.
    // Called at most once; the replica then ignores what it receives.
    void (*give_up)(void *userdata, const char *reason);
    // The other server is this server, which cannot be its own backup. The replica does nothing more.
    void (*is_self)(void *userdata);
};

// `exclude` stays the caller's and must not change while the replica exists. `resume` stays the
// caller's too; it outlives the connection. `own_id` is our server id.
struct replica *replica_new(const struct replica_handler *handler, void *userdata,
                            struct uuid own_id, const struct exclude *exclude,
                            struct resume *resume);
void replica_free(struct replica *replica); // NULL allowed
// Adds a database to be replicated. Call before replica_start().
void replica_add_db(struct replica *replica, const char *name);
// Sends the first requests.
void replica_start(struct replica *replica);
// Handles one message: one value that passed the framer (I-1).
void replica_receive(struct replica *replica, struct slice text);
// True if the initial contents of all databases that can be replicated have been applied, and there
// is such a database.
bool replica_is_replicating(const struct replica *replica);
// True if the database `name` is replicating. Otherwise *ret_reason is the reason why it cannot be
// replicated, or NULL if no such reason is known. The text lives as long as the replica.
bool replica_db_status(const struct replica *replica, const char *name, const char **ret_reason);
