// SPDX-License-Identifier: Apache-2.0
// What all sessions share: the databases served, the locks, the waiting transactions, the server's
// id. No I/O: time comes in as an argument, output goes out through each session's sink.
#pragma once

#include "basic/clock.h"
#include "engine/db.h"

struct server;
struct session;

// `last_ticket` returns the newest ticket issued by any commit log of this server: everything sent
// from now on shows what that commit did and so carries it (DESIGN "output gate"). NULL: there is
// no commit log.
struct server *server_new(uint64_t (*last_ticket)(void *userdata), void *userdata);
void server_free(struct server *server); // the sessions must be gone

// The database stays the caller's. Sessions that did not announce set_db_change_aware are
// disconnected. -EEXIST if one with its schema's name is served already, "_Server" included.
int server_add_db(struct server *server, struct db *db);
// Waiting transactions and monitors of the database are canceled.
void server_remove_db(struct server *server, struct db *db);
// Finds "_Server", the server's own database, too.
struct db *server_find_db(const struct server *server, struct slice name);

// A backup serves its databases read-only, for what they hold comes from another server. Sessions
// that did not announce set_db_change_aware are disconnected when this changes. So are all whose
// "lock" or "steal" a backup refused when it becomes active.
void server_set_backup(struct server *server, bool is_backup);
bool server_is_backup(const struct server *server);
// What get_server_id answers.
struct uuid server_id(const struct server *server);

// Who converts databases (the method "convert"): `convert` is called for a database that is not
// being converted, and must be followed, not from within, by server_converted(). Until then no
// transaction changes the database. References to `schema` it takes itself.
struct server_converter {
    void (*convert)(void *userdata, struct db *db, struct schema *schema);
    void *userdata;
};
void server_set_converter(struct server *server, const struct server_converter *converter);
// The conversion is over. Without `error`, `new`, the caller's, is served in the place of `old`;
// with it nothing has changed. No effect if `old` is not served any more. `old` must still be
// there.
void server_converted(struct server *server, struct db *old, struct db *new,
                      const struct ovsdb_error *error);

// When server_run() has something to do by itself (a wait's timeout); USEC_INFINITY: never.
usec_t server_deadline(const struct server *server);
// Runs waiting transactions that a commit or the clock woke, and lets sessions produce the updates
// they owe. Call after a batch of input and at the deadline. Bounded: returns true if there is more
// to do (call again soon).
bool server_run(struct server *server, usec_t now);

// What one session, or of max_staged all together, may hold. What goes beyond is answered with
// "resources exhausted".
struct server_limits {
    size_t max_monitors;
    size_t max_triggers; // waiting transactions
    size_t max_locks;    // held or waited for
    // Bytes, about: queued for the client, or kept to owe it updates. One that does not read is
    // disconnected when it is more.
    size_t max_backlog;
    size_t max_staged; // bytes of transactions that come in pieces (staging.c)
};
#define SERVER_LIMITS_DEFAULT                                                                      \
    ((struct server_limits){.max_monitors = 10000,                                                 \
                            .max_triggers = 10000,                                                 \
                            .max_locks = 10000,                                                    \
                            .max_backlog = (size_t)4 << 30,                                        \
                            .max_staged = (size_t)3 << 30})
void server_set_limits(struct server *server, const struct server_limits *limits);
// How much of each the session has that has most of it. O(sessions and their monitors).
void server_taken(const struct server *server, struct server_limits *ret);

struct server_usage {
    size_t n_sessions, n_monitors, n_triggers, n_locks;
    uint64_t n_transactions;
    uint64_t n_lock_changes; // sessions got, lost or left locks so often
};
void server_usage(const struct server *server, struct server_usage *ret);
