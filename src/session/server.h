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

// Who may change a database.
enum db_role {
    ROLE_STANDALONE, // its clients
    ROLE_BACKUP,     // the server that it replicates; clients may only read
    ROLE_RELAY,      // its source, to which the changes of clients are forwarded
    ROLE_CLUSTERED,  // the cluster
    N_ROLES,
};
// "standalone", "backup", "relay" or "clustered".
const char *db_role_name(enum db_role role);

// A session uses the databases that its requests have named, or all if they have named none.
//
// Sets the role of a served database, which is ROLE_STANDALONE at first. A change closes the
// sessions that use the database and did not send set_db_change_aware, because they do not expect
// that their rights change. The others keep their monitors and locks.
//
// Locks belong to no database. A session that uses nothing but backups is refused "lock" and
// "steal": its client, for example ovn-northd, must not act beside the one at the active server.
// When a backup that such a session uses gets another role, the session is closed, so that its
// client requests the lock again.
void server_set_role(struct server *server, struct db *db, enum db_role role);
enum db_role server_role(const struct server *server, const struct db *db);
// True if clients may only read the database in its role.
bool server_db_is_read_only(const struct server *server, const struct db *db);

// The state of a served database in its row of _Server. The daemon sets it for relays and clusters.
struct db_state {
    bool is_connected; // to the source or the cluster
    bool is_leader;
    bool has_schema;      // false: the schema is not known yet
    struct uuid cid, sid; // of a cluster; UUID_ZERO: none
    uint64_t index;       // of a cluster; 0: none
};
// The state of standalone databases and backups. That of relays and clustered databases is zeroed
// at first.
#define DB_STATE_DEFAULT                                                                           \
    ((struct db_state){.is_connected = true, .is_leader = true, .has_schema = true})
void server_set_state(struct server *server, struct db *db, const struct db_state *state);
// The result of get_server_id.
struct uuid server_id(const struct server *server);

// Implements the method "convert". convert() begins a conversion and takes its own reference to
// `schema`; it is never called for a database that is being converted. The caller of
// server_set_converter() must call server_converted() later, not from within convert(). Until then
// no transaction changes the database.
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

// Serves `new`, which stays the caller's, instead of `old` of the same name, as after a conversion.
void server_replace_db(struct server *server, struct db *old, struct db *new);

// Withdraws the commits of a served database after `last`, which the commit log has lost: db_undo()
// with its conditions. Closes the sessions that have a monitor of this database, because they may
// have got updates for these commits; their clients resume at the last transaction that remains.
// Output that shows a withdrawn commit must not leave: the caller calls positions_lose() first,
// and ends a conversion of the database with an error (server_converted()). No effect if `last` is
// the last commit.
void server_undo(struct server *server, struct db *db, struct changeset *last);

// When to call server_run() even if nothing else happens, for example for the timeout of a waiting
// transaction. USEC_INFINITY: no need.
usec_t server_deadline(const struct server *server);
// Runs the waiting transactions that a commit or a timeout has woken, and sends pending updates.
// Call it after a batch of input and at the deadline. Does a bounded amount of work and returns
// true if there is more to do.
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
    uint64_t n_role_changes; // of databases
};
void server_usage(const struct server *server, struct server_usage *ret);
