// SPDX-License-Identifier: Apache-2.0
// The state of servers and sessions, shared by the files of this folder.
//
//     server.c    served databases, server_run()  session.c   sessions, dispatch of messages
//     methods.c   the small methods               transact.c  transactions, waiting transactions
//     monitors.c  the monitor methods             locks.c     lock, steal, unlock
//     server_db.c the _Server database            params.c    parsing of params
//     convert.c   schema conversion               reply.c     replies and notifications
//     backlog.c   slow clients                    limits.c    limits of a session
//     denials.c   log of what a role forbids      audit.c     log of commits
//     staging.c   transactions in pieces          slow_log.c  the slowest transactions
//     usage.c     resources used by clients       saved.c     handover to another process
//     roles.c     roles of databases              check.c     consistency checks for tests
//     forward.c   requests that the source executes
//     undo.c      withdrawal of commits
#pragma once

#include "basic/timers.h"
#include "engine/transact.h"
#include "monitor/monitor.h"
#include "session/session.h"
#include "json/message.h"

struct trigger;
struct forwarder;
struct conversion;
struct staged;
struct slow_log;

// A database as the server serves it.
struct served_db {
    struct server *server;
    struct db *db;
    struct hub *hub;
    struct db_observer observer;
    struct list *wakes;   // by table index: struct wake of the triggers that wait for it
    struct list triggers; // all waiting transactions of this database
    bool is_own;          // this is _Server, which clients may only read
    enum db_role role;
    struct db_state state;
    struct uuid row;                   // UUID of the database's row in _Server
    struct conversion *conversion;     // the running one, or NULL
    const struct forwarder *forwarder; // or NULL: this server executes all requests itself
    void *forwarder_userdata;
    bool is_source_ready; // the forwarder's
    size_t n_unsent;      // triggers that wait for the source
};

struct server {
    usec_t (*clock)(void); // or NULL
    struct slow_log *slow_log;
    struct server_limits limits;
    struct uuid id;
    bool has_changed; // _Server or the roles differ from the saved state (server_restore())
    struct list sessions;
    struct list slow;       // sessions of slow clients
    usec_t slow_check;      // when to check their backlogs again
    struct served_db **dbs; // sorted by name
    size_t n_dbs;
    size_t dbs_capacity;
    struct htable locks;         // struct lock, by name
    struct list woken;           // triggers to run again
    struct timers timeouts;      // of triggers
    struct served_db *server_db; // _Server
    struct server_converter converter;
    size_t n_sessions, n_monitors, n_triggers;
    size_t n_staged; // bytes staged by all sessions
    uint64_t n_transactions;
    uint64_t n_lock_changes; // how often a session got, lost or released a lock
    uint64_t n_role_changes; // of databases
    struct list audit_rules; // struct audit_rule
    struct session *author;  // the session whose transaction is running, or NULL
    struct buf out;          // the reply being written
    struct buf scratch;      // decoded strings
};

struct session {
    struct server *server;
    struct list node;      // server->sessions
    struct list slow_node; // server->slow
    const struct session_sink *sink;
    void *userdata;
    char *name;
    char *remote; // or NULL
    struct session_peer peer;
    bool read_only;
    bool owns_locks; // of struct session_options
    char *role;      // NULL: none
    char *client_id; // NULL: not known
    bool db_change_aware;
    // The databases that its requests have named, without _Server. Few, so an array serves.
    struct served_db **uses;
    size_t n_uses, uses_capacity;
    // A lock was refused because the session used only backups. Clients do not request it again on
    // this connection.
    bool lock_refused;
    usec_t since; // when it began, by the server's clock
    uint64_t n_requests;
    uint64_t n_transactions;   // finished ones
    usec_t busy;               // session_usage.busy without that of monitors that still exist
    bool is_closing;           // sink->close() has been called: input is ignored
    struct htable monitors;    // struct session_monitor, by id_key()
    struct htable triggers;    // struct trigger, by id_key()
    struct htable locks;       // struct lock_waiter, by name
    struct monitor *starting;  // the monitor that waits for initial contents, or NULL
    struct list held_triggers; // woken triggers that wait until `starting` has started
    struct staged *staged;     // the pieces of a transaction received so far, or NULL
};

// check.c
// Asserts that the server's counts, lists and tables are consistent, and hub_check_structures() of
// each database. For tests and debugging. O(everything that sessions hold).
void server_check_structures(const struct server *server);

// server.c
struct served_db *server_find(const struct server *server, struct slice name); // or NULL
// Begins to serve `db`. No database of this name may be served.
struct served_db *server_serve(struct server *server, struct db *db);
void server_unserve(struct server *server, struct served_db *sdb);
// Serves `db` instead of the former database. Ends its monitors and cancels transactions that wait
// for a condition. The caller must run those again that wait for the end of a conversion
// (served_db_run_all()).
void served_db_replace(struct served_db *sdb, struct db *db);
// Closes the sessions that did not send set_db_change_aware: their clients see a change of the set
// of databases only when they reconnect.
void server_disconnect_unaware(struct server *server, const char *reason);
// The position for which output that shows the current state of the database waits (I-6). NULL:
// output that shows nothing of any database, which waits only for earlier output of its client.
struct position served_db_position(const struct served_db *sdb);

// roles.c
// True if clients may not change the database.
bool served_db_is_read_only(const struct served_db *sdb);
// A request of the session has named the database. No effect for _Server.
void session_add_use(struct session *session, struct served_db *sdb);
void session_remove_use(struct session *session, const struct served_db *sdb);
// True if a request of the session has named the database. O(databases named).
bool session_names(const struct session *session, const struct served_db *sdb);
// True if all databases that the session uses (server_set_role()) are backups. O(databases).
bool session_uses_only_backups(const struct session *session);

// usage.c
usec_t server_clock(const struct server *server); // 0 without a clock

// slow_log.c
// A run of a transaction that ended it.
struct slow_run {
    const char *database;
    struct slice params;
    usec_t duration; // of this run
    usec_t waited;   // between the request and this run
    size_t reply_size;
    bool failed;
};
struct slow_log *slow_log_new(void);
void slow_log_free(struct slow_log *log); // NULL allowed
// Adds the run if it is one of the slowest.
void slow_log_add(struct session *session, const struct slow_run *run);

// session.c
// A client with more queued output than this is slow: its monitors keep coalesced changes instead
// of queueing more updates.
#define SESSION_BACKLOG_HIGH ((size_t)1 << 20)

// Releases everything that the session holds and calls sink->close(). No effect if that has
// happened.
void session_close(struct session *session, const char *reason);

// The methods. Each sends the reply to its request, at once or later.
typedef void method_function(struct session *session, const struct message *request, usec_t now);
method_function method_list_dbs, method_get_schema, method_get_server_id, method_echo;
method_function method_set_db_change_aware;
method_function method_transact, method_cancel;
method_function method_stage, method_transact_staged;
method_function method_monitor, method_monitor_cond, method_monitor_cond_since;
method_function method_monitor_cond_change, method_monitor_cancel;
method_function method_convert;
method_function method_lock, method_steal, method_unlock;

// transact.c
void session_check_triggers(const struct session *session); // for server_check_structures()
// Drops the session's waiting transactions without a reply.
void session_cancel_triggers(struct session *session);
// Moves the session's held triggers to server->woken.
void session_wake_held_triggers(struct session *session);
// Cancels the waiting transactions of a database, with a reply.
void served_db_cancel_triggers(struct served_db *sdb);
// Wakes the transactions that wait for a table that `changes` changes.
void served_db_wake(struct served_db *sdb, const struct changeset *changes);
// Cancels the transactions that wait for a table to change, with a reply.
void served_db_cancel_waits(struct served_db *sdb);
// Wakes all waiting transactions of the database, and removes them from the lists of its tables.
void served_db_run_all(struct served_db *sdb);
// A trigger is saved as ["DATABASE", ID, PARAMS, CREATED]. CREATED is a time of the monotonic
// clock. A restored trigger runs in the next server_run(). One whose PARAMS are null was forwarded
// to a source: its client gets the error that the outcome is unknown.
void session_save_triggers(const struct session *session, struct buf *buf);
bool session_restore_trigger(struct session *session, struct slice saved);
usec_t server_triggers_deadline(const struct server *server);
bool server_run_triggers(struct server *server, usec_t now, size_t *budget);

// monitors.c
extern const struct monitor_sink session_monitor_sink;
void session_check_monitors(const struct session *session); // for server_check_structures()
// Sends all pending updates. Call before a reply that shows the same state.
void session_flush_monitors(struct session *session);
// The client reads again.
void session_resume_monitors(struct session *session);
// Ends the session's monitors without a notification.
void session_drop_monitors(struct session *session);
// True if the session has a monitor of the database. O(monitors).
bool session_monitors(const struct session *session, const struct served_db *sdb);
// Ends the session's monitors of a database, with "monitor_canceled".
void session_cancel_monitors(struct session *session, struct served_db *sdb);

// A monitor that has started is saved as ["DATABASE", ID, VERSION, REQUESTS, "LAST TRANSACTION"].
void session_save_monitors(const struct session *session, struct buf *buf);
bool session_restore_monitor(struct session *session, struct slice saved);

// About how many bytes are kept for updates that the session's monitors send later. O(monitors).
size_t session_owed(const struct session *session);

// backlog.c
// True if the client reads too slowly. Then the session is in server->slow until its output has
// drained.
bool session_is_slow(struct session *session);
// Closes the sessions of slow clients that exceed the limit. Does so at most 10 times a second;
// O(slow sessions and their monitors).
void server_check_slow(struct server *server, usec_t now);
usec_t server_slow_deadline(const struct server *server);

// convert.c
// True if a transaction with these params must wait for the end of a conversion, or for the schema.
bool served_db_holds(const struct served_db *sdb, struct slice params);
// Cancels the conversion of a database, with a reply to the client that requested it.
void served_db_cancel_conversion(struct served_db *sdb);
// The session ends: the conversions that it requested go on without a reply.
void session_forget_conversions(struct session *session);

// staging.c
#define SESSION_MAX_STAGED ((size_t)3 << 30)
void session_drop_staged(struct session *session);

// locks.c
void session_release_locks(struct session *session);
void server_check_locks(const struct server *server); // for server_check_structures()
size_t session_count_locks(const struct session *session, enum lock_state state); // O(its locks)
// A lock, or the wait for one, is saved as ["NAME", IS-THIEF, POSITION]. POSITION is the place in
// the lock's queue, 0 for the owner, and null if the lock was stolen from a thief (LOCKS_LOST).
void session_save_locks(const struct session *session, struct buf *buf);
bool session_restore_lock(struct session *session, struct slice saved);
// After sessions have been restored: sends "locked" to the owners that were not owners before.
void server_settle_locks(struct server *server);
// For the operation "assert": true if the session (userdata) owns `lock`.
bool session_owns_lock(void *userdata, struct slice lock);

// limits.c
enum limited { LIMITED_MONITORS, LIMITED_TRIGGERS, LIMITED_LOCKS };
// Returns false if the session may have one more of these. Otherwise refuses the request `id`:
// counts and logs the refusal, sends the error reply, and returns true.
bool session_refuse_beyond_limit(struct session *session, struct slice id, enum limited what);
// Refuses the request `id` because of a limit: logs `error`, with a rate limit, and sends it as the
// reply. Takes `error`, which has details.
void session_refuse_resources(struct session *session, struct slice id, struct ovsdb_error *error);

// denials.c
// Counts and logs, with a rate limit, that the role of the session (userdata) forbade an operation.
void session_log_denial(void *userdata, const struct denial *denial);

// audit.c
// Logs the commit if a rule says so.
void audit_commit(const struct served_db *sdb, const struct changeset *changes);
// Logs that a commit is withdrawn, if audit_commit() has logged it.
void audit_withdrawn(const struct served_db *sdb, const struct changeset *changes);
// Logs a transaction of a client that the source has committed, if a rule says so. audit_commit()
// logs the commit that the source sends, but does not know the client.
void audit_forwarded(const struct served_db *sdb, const struct session *session,
                     struct slice params);
void audit_clear(struct server *server, const char *db); // drops the rules of `db`; NULL: all rules

// server_db.c
void server_db_start(struct server *server, uuid_source *new_uuid);
void server_db_stop(struct server *server);
// Insert, update (after a change of its schema, role or state) and delete the row of a database.
void server_db_add(struct server *server, struct served_db *sdb);
void server_db_update(struct server *server, struct served_db *sdb);
void server_db_remove(struct server *server, struct served_db *sdb);
// Changes the server's id, and the UUIDs of the rows in _Server, which depend on it. Call before
// there are sessions.
void server_db_rename(struct server *server, struct uuid id);
// A digest of the contents of _Server and of the roles. It is the same in another process that
// serves the same.
struct uuid server_db_digest(const struct server *server);
