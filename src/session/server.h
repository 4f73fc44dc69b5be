// SPDX-License-Identifier: Apache-2.0
// The server: the state that all sessions share (served databases, locks, waiting transactions, the
// server's id). No I/O, no clock, no randomness: time and the id are arguments, output goes out
// through the sink of each session.
#pragma once

#include "basic/clock.h"
#include "engine/db.h"

struct server;
struct session;

// `new_uuid` makes the server's id and the UUIDs of the _Server database; they should be random.
struct server *server_new(uuid_source *new_uuid);
void server_free(struct server *server); // every session must have been freed; NULL allowed

// Begins to serve `db`, which stays the caller's. Closes the sessions that did not send
// set_db_change_aware. -EEXIST if a database of this name is served already; "_Server" always is.
int server_add_db(struct server *server, struct db *db);
// Stops serving `db`. Cancels its waiting transactions and monitors.
void server_remove_db(struct server *server, struct db *db);
// The served database with this name, "_Server" included, or NULL.
struct db *server_find_db(const struct server *server, struct slice name);

// A backup server replicates the databases of another server, and its clients may only read them. A
// change closes the sessions that did not send set_db_change_aware. A change to active also closes those
// whose "lock" or "steal" the backup refused, so that their clients request the lock again.
void server_set_backup(struct server *server, bool is_backup);
bool server_is_backup(const struct server *server);
// The result of get_server_id.
struct uuid server_id(const struct server *server);

// Implements the method "convert". convert() begins a conversion and takes its own reference to
// `schema`; it is never called for a database that is being converted. The caller of
// server_set_converter() must call server_converted() later, not from within convert(). Until then no
// transaction changes the database.
struct server_converter {
    void (*convert)(void *userdata, struct db *db, struct schema *schema);
    void *userdata;
};
void server_set_converter(struct server *server, const struct server_converter *converter);
// Ends a conversion. Without `error`, the server serves `new`, which stays the caller's, instead of
// `old`; otherwise it goes on with `old`. No effect if `old` is no longer served. `old` must still
// exist.
void server_converted(struct server *server, struct db *old, struct db *new,
                      const struct ovsdb_error *error);

// When to call server_run() even if nothing else happens, for example for the timeout of a waiting
// transaction. USEC_INFINITY: no need.
usec_t server_deadline(const struct server *server);
// Runs the waiting transactions that a commit or a timeout has woken, and sends pending updates. Call
// it after a batch of input and at the deadline. Does a bounded amount of work and returns true if
// there is more to do.
bool server_run(struct server *server, usec_t now);

// Limits of each session; `max_staged` is for all sessions together. A request that exceeds a limit
// gets the error "resources exhausted".
struct server_limits {
    size_t max_monitors;
    size_t max_triggers; // waiting transactions
    size_t max_locks;    // held or waited for
    // About how many bytes may be queued for a slow client or kept for its later updates. A client
    // that exceeds this is disconnected.
    size_t max_backlog;
    size_t max_staged; // bytes of transactions sent in pieces (staging.c)
};
#define SERVER_LIMITS_DEFAULT                                                                      \
    ((struct server_limits){.max_monitors = 10000,                                                 \
                            .max_triggers = 10000,                                                 \
                            .max_locks = 10000,                                                    \
                            .max_backlog = (size_t)4 << 30,                                        \
                            .max_staged = (size_t)3 << 30})
void server_set_limits(struct server *server, const struct server_limits *limits);
// For each limit, the usage of the session that uses most of it. O(sessions and their monitors).
void server_taken(const struct server *server, struct server_limits *ret);

struct server_usage {
    size_t n_sessions, n_monitors, n_triggers, n_locks;
    uint64_t n_transactions;
    uint64_t n_lock_changes; // how often sessions got, lost or released locks
};
void server_usage(const struct server *server, struct server_usage *ret);
