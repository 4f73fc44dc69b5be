// SPDX-License-Identifier: Apache-2.0
// The work on a reply that contains a whole database. It takes long, so another thread does it.
//
//     engine thread: loading_new() --> loading_collect() until it returns false
//     another thread:                                                     --> loading_run_mt()
//     engine thread: the results are used                                 --> loading_free()
//
// Into an empty database, the contents are loaded like those of a file: the result is a new
// database. Otherwise they are compared with a snapshot of the rows: the result is the difference,
// as text. Either way the other thread changes no reference count of the engine thread's values.
#pragma once

#include "engine/snapshot.h"
#include "replication/exclude.h"

#include <stdatomic.h>

struct replica;

struct loading {
    struct replica *replica; // NULL: it does not need the contents any more
    void *job;               // for the owner of the replica
    bool is_running;         // the other thread has it
    atomic_bool is_canceled; // then the other thread ends soon
    // Private: the input.
    struct buf message;
    bool is_since;                // a reply to monitor_cond_since, not to monitor_cond
    struct schema *ours, *theirs; // references; the other thread only reads them
    struct loading_table *tables; // by table index of `ours`
    struct snapshot *snapshot;    // NULL: load into a new database
    // Results.
    struct ovsdb_error *error; // or NULL, and then:
    struct uuid txn_id;        // the last transaction; UUID_ZERO: the source gives no ids
    bool is_found;             // the reply is a difference already: `updates`
    struct slice updates;      // <table-updates2>; unless `db` is set
    struct db *db;             // a new database, or NULL
    struct buf difference;     // private
};

// Prepares to handle the JSON-RPC message `message`, which passed the framer (I-1) and which it
// takes over. It is the reply to a monitor of all columns of `db` that the schema `theirs` of the
// source has, too, in the tables that are not excluded. With `may_build` the result may be a new
// database.
struct loading *loading_new(struct db *db, struct schema *theirs, const struct exclude *exclude,
                            bool is_since, bool may_build, struct buf *message);
// Visits about `n` rows of `db`, which must not be freed meanwhile. True: call again.
bool loading_collect(struct loading *loading, size_t n);
// Makes the results, with `new_uuid` for a new database. Not on the engine thread. Until it
// returns, the rows of the database must not be freed if there is a snapshot.
void loading_run_mt(struct loading *loading, uuid_source *new_uuid);
// True if the database has been changed since the snapshot, so that the difference does not fit.
bool loading_is_outdated(const struct loading *loading, const struct db *db);
void loading_free(struct loading *loading); // NULL allowed
