// SPDX-License-Identifier: Apache-2.0
// The structure of a replica, and the functions by which its source controls it. For this folder
// only.
#pragma once

#include "basic/list.h"
#include "replication/source.h"

// Ways to request contents and updates, the best first.
enum monitor_method { MONITOR_COND_SINCE, MONITOR_COND, MONITOR, N_MONITOR_METHODS };

struct replica {
    const struct replica_handler *handler;
    void *userdata;
    char *name;
    const struct exclude *exclude;
    struct source *source; // or NULL
    struct list node;      // source->replicas
    enum replica_state state;
    bool is_connected;
    bool is_strict;
    struct uuid cid;       // of the cluster that was replicated last, or UUID_ZERO
    int64_t index;         // the highest index that a server of this cluster has shown
    char *reason;          // in LEFT_OUT and FAILED: why; else NULL
    struct schema *theirs; // the schema at the source, or NULL
    enum monitor_method method;
    uint64_t request;       // in INITIAL: the number of the monitor request
    char *monitor;          // its id; NULL: there is none
    unsigned n_monitors;    // in this connection
    struct buf tables;      // the <monitor-requests> of the monitor
    struct buf last_tables; // the <monitor-requests> under which last_txn was applied
    struct uuid last_txn;   // the last applied transaction; UUID_ZERO: not known
    // In LOADING:
    struct loading *loading; // NULL: the contents have been applied
    struct list updates;     // updates that have arrived meanwhile
    struct buf scratch;
};

// The contents, or the error with which the source has refused them. For source_request().
void replica_contents(void *userdata, const struct message *reply);
// The contents, for which replica_can_load(): the message is taken over.
void replica_load(struct replica *replica, struct buf *message);
bool replica_can_load(const struct replica *replica);
// In LOADING: does a bounded step. Returns true if it is to be called again soon.
bool replica_run(struct replica *replica);

// The schema of the database at the source is `text`: requests the contents.
void replica_offer(struct replica *replica, struct slice text);
// The source cannot be used for `reason`. It may be offered again later.
void replica_offer_nothing(struct replica *replica, const char *reason);
// The schema is not known: waits for another call of these functions.
void replica_wait(struct replica *replica);
// The connection has ended.
void replica_disconnected(struct replica *replica);
void replica_set_connected(struct replica *replica, bool is_connected);
// The source has canceled the monitor: waits.
void replica_lose_monitor(struct replica *replica);
// Cancels the replica's monitor and requests.
void replica_stop(struct replica *replica);
// Applies an update of the replica's monitor.
void replica_update(struct replica *replica, enum monitor_method method, struct slice updates,
                    struct slice txn_id);

// source.c: a replica has failed.
void source_plan_retry(struct source *source);
// source.c: replica_run() is to be called.
void source_plan_run(struct source *source);
