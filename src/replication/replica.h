// SPDX-License-Identifier: Apache-2.0
// The copy of one database of a source (replication/source.h). A replica exists as long as our
// database follows the source. Its source may lose the connection and get another one.
//
// After a reconnection, a source that still knows the last applied transaction sends the difference
// only. Older servers are sent "monitor_cond" or "monitor", and reply with all contents each time.
//
// The schemas of the two servers may differ. Tables and columns that only one of them has are not
// replicated; ours keep their contents. Such differences can be refused: replica_set_strict().
#pragma once

#include "engine/db.h"
#include "replication/exclude.h"

struct loading;
struct replica;
struct source;

enum replica_state {
    REPLICA_OFFLINE,     // no connection to the source
    REPLICA_WAITING,     // for the schema at the source, or for our database
    REPLICA_INITIAL,     // the contents have been requested
    REPLICA_LOADING,     // large contents have arrived and are made ready on another thread
    REPLICA_REPLICATING, // the contents have been applied, and updates are
    REPLICA_LEFT_OUT,    // cannot be replicated until a schema changes
    REPLICA_FAILED,      // contents could not be applied; source_retry() requests them again
    N_REPLICA_STATES,
};

// The functions except is_self() must not free the replica, nor remove it from the source.
struct replica_handler {
    // Our database, borrowed until the function of the replica returns. NULL: there is none; the
    // owner calls replica_restart() when there is one.
    struct db *(*db)(void *userdata);
    // The schema of the database at the source, whenever it has become known or has changed, and
    // before contents are requested. May be NULL. If our database must be converted first, db()
    // returns NULL from then on until that is done and replica_restart() is called.
    void (*schema)(void *userdata, const struct schema *schema);
    // Contents or an update will be applied, after which the database is as after transaction
    // `txn_id` of the source; UUID_ZERO: the source gives no ids. May be NULL.
    void (*applying)(void *userdata, struct uuid txn_id);
    // Large contents have arrived: calls loading_run_mt() on another thread and replica_loaded()
    // afterwards, possibly in this call. NULL: contents of any size are applied at once.
    void (*load)(void *userdata, struct loading *loading);
    // Waits for the end of that, and calls replica_loaded(). Not NULL if `load` is not.
    void (*finish_load)(void *userdata, struct loading *loading);
    // Whether db(), if it is empty, may be replaced by a new database instead of being changed,
    // because no client uses it. NULL: no.
    bool (*may_replace)(void *userdata);
    // Takes over the new database that replaces db(). Its last transaction is that of the last
    // applying(). Not NULL if `may_replace` is not.
    void (*loaded)(void *userdata, struct db *db);
    // replica_state(), replica_reason() or replica_is_connected() has changed. May be NULL.
    void (*changed)(void *userdata);
    // The source is this server itself. Called by source_report_self().
    void (*is_self)(void *userdata);
};

// `exclude` stays the caller's. After a change of it the caller calls replica_restart().
struct replica *replica_new(const struct replica_handler *handler, void *userdata, const char *name,
                            const struct exclude *exclude);
void replica_free(struct replica *replica); // in no source (asserted); NULL allowed
const char *replica_name(const struct replica *replica);
enum replica_state replica_state(const struct replica *replica);
// Why the state is LEFT_OUT or FAILED, or NULL. Valid until the state changes.
const char *replica_reason(const struct replica *replica);
// True while the source serves the database and reports in its _Server database that it is
// connected to the origin of the database (or has no _Server database).
bool replica_is_connected(const struct replica *replica);
// Sets whether the database is left out if one of the schemas has a table or column that the other
// lacks, in tables that are not excluded. Initially off. A change has an effect after
// replica_restart().
void replica_set_strict(struct replica *replica, bool is_strict);
// Requests the contents again, because our database or the excluded tables have changed. They are
// requested as a difference unless replica_forget() is called first.
void replica_restart(struct replica *replica);
// Forgets the last applied transaction. The owner must do so when anything but replication has
// changed the database.
void replica_forget(struct replica *replica);
// The other thread has ended. Frees `loading`. Returns a database that is not needed any more, to
// be freed by the caller, or NULL.
struct db *replica_loaded(struct loading *loading);
