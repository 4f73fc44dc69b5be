// SPDX-License-Identifier: Apache-2.0
// What the files of this folder share: the server's and the session's state.
//
//     server.c   databases, the run       session.c  one message in
//     methods.c  the small methods        transact.c transactions and those that wait
//     monitors.c the monitor methods      locks.c    lock, steal, unlock
//     self.c     the _Server database     params.c   what requests say
//     convert.c  schema conversion        reply.c    what is answered
//     slow.c     clients that do not read  denials.c  what a role does not allow
//     saved.c    what another process goes on with
//     audit.c    messages on what was committed
//     staging.c  transactions that come in pieces
//     usage.c    what clients use          slow_log.c the longest transactions
#pragma once

#include "basic/timers.h"
#include "engine/transact.h"
#include "monitor/monitor.h"
#include "session/session.h"
#include "session/slow_log.h"
#include "json/message.h"

struct trigger;
struct conversion;
struct staged;

// A database as the server serves it.
struct served_db {
    struct server *server;
    struct db *db;
    struct hub *hub;
    struct db_observer observer;
    struct list *wakes;            // by table index: struct wake of the triggers that wait for it
    struct list triggers;          // all that wait in this database
    bool is_own;                   // _Server: clients only read it
    struct uuid row;               // its row in _Server
    struct conversion *conversion; // that runs, or NULL
};

struct slow_log {
    struct slow_log_settings settings;
    struct slow_transaction *transactions; // the longest first
    size_t n;
    size_t capacity;
};

struct server {
    uint64_t (*last_ticket)(void *userdata);
    void *userdata;
    usec_t (*clock)(void); // or NULL
    struct slow_log slow_log;
    struct server_limits limits;
    struct uuid id;
    bool is_backup;   // clients only read
    bool has_changed; // since it was saved
    struct list sessions;
    struct list slow;       // sessions whose clients do not keep up
    usec_t slow_check;      // when they are looked at again
    struct served_db **dbs; // in order of name
    size_t n_dbs;
    size_t dbs_capacity;
    struct htable locks;    // struct lock, by name
    struct list woken;      // triggers to run again
    struct timers timeouts; // of triggers
    struct served_db *self; // _Server
    struct server_converter converter;
    size_t n_sessions, n_monitors, n_triggers;
    size_t n_staged; // bytes, of all sessions
    uint64_t n_transactions;
    uint64_t n_lock_changes; // a session got, lost or left a lock
    struct list audit_rules; // see audit.c
    struct session *author;  // whose transaction runs, or NULL
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
    char *role;      // NULL: none
    char *client_id; // NULL: not known
    bool db_change_aware;
    // As the server was a backup. The client does not ask again in this connection.
    bool lock_refused;
    usec_t since; // by the server's clock
    uint64_t n_requests;
    uint64_t n_transactions;   // done
    usec_t busy;               // for what session_usage() counts, monitors that are there left out
    bool is_closing;           // the sink was told: input is ignored
    struct htable monitors;    // struct session_monitor, by id
    struct htable triggers;    // struct trigger, by request id
    struct htable locks;       // struct lock_waiter, by name
    struct monitor *starting;  // the monitor whose initial contents all else waits for, or NULL
    struct staged *staged;     // a transaction of which pieces have come, or NULL
    struct list held_triggers; // woken ones that wait for it, too
};

// server.c
struct served_db *server_find(const struct server *server, struct slice name);
// Serves `db`, whose name is free, under its name; stops serving it.
struct served_db *server_serve(struct server *server, struct db *db);
void server_unserve(struct server *server, struct served_db *sdb);
// Serves `db` in its place. Monitors end, transactions that wait for a condition are canceled;
// those that were held up must be run again.
void served_db_replace(struct served_db *sdb, struct db *db);
// Clients that do not know that the set of databases may change connect anew to see it.
void server_disconnect_unaware(struct server *server, const char *reason);
uint64_t server_ticket(const struct server *server);

// usage.c
usec_t server_clock(const struct server *server); // 0 without a clock

// slow_log.c
struct slow_run {
    const char *database;
    struct slice params;
    usec_t duration;
    usec_t waited;
    size_t reply_size;
    bool failed;
};
// Keeps it if it is one of the longest.
void slow_log_add(struct session *session, const struct slow_run *run);
void slow_log_done(struct slow_log *log);

// session.c
// With more unread output than this a client is slow: it is owed updates instead of being sent
// them.
#define SESSION_BACKLOG_HIGH ((size_t)1 << 20)

// Gives up what the session holds and has the sink close it.
void session_close(struct session *session, const char *reason);

// The methods. Each answers its request.
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
void session_cancel_triggers(struct session *session);
void session_wake_held_triggers(struct session *session);
// Answers the waiting transactions of a database that goes away.
void served_db_cancel_triggers(struct served_db *sdb);
void served_db_wake(struct served_db *sdb, const struct changeset *changes);
// Cancels the transactions that wait for a change in some table.
void served_db_cancel_waits(struct served_db *sdb);
// Everything that waits in the database is run again; it waits for none of its tables any more.
void served_db_run_all(struct served_db *sdb);
// A trigger is saved as ["DATABASE", ID, PARAMS, CREATED], time of the monotonic clock; it runs
// when it has been restored.
void session_save_triggers(const struct session *session, struct buf *buf);
bool session_restore_trigger(struct session *session, struct slice saved);
usec_t server_triggers_deadline(const struct server *server);
bool server_run_triggers(struct server *server, usec_t now, size_t *budget);

// monitors.c
extern const struct monitor_sink session_monitor_sink;
// Everything the session's monitors owe, before a reply that shows the same state.
void session_flush_monitors(struct session *session);
void session_resume_monitors(struct session *session);
void session_drop_monitors(struct session *session);
// Ends the monitors of a database that goes away, with "monitor_canceled".
void session_cancel_monitors(struct session *session, struct served_db *sdb);

// A monitor that has started is saved as ["DATABASE", ID, VERSION, REQUESTS, "LAST TRANSACTION"].
void session_save_monitors(const struct session *session, struct buf *buf);
bool session_restore_monitor(struct session *session, struct slice saved);

// Roughly the bytes kept because of what the session's monitors owe. O(monitors).
size_t session_owed(const struct session *session);

// slow.c
// Does its client read too slowly now? If so it is remembered until its output has drained.
bool session_is_slow(struct session *session);
// Cuts the slow clients that go beyond the limit. O(slow sessions and their monitors), 10 times a
// second.
void server_check_slow(struct server *server, usec_t now);
usec_t server_slow_deadline(const struct server *server);

// convert.c
// True if a transaction with these params must wait for the end of a conversion.
bool served_db_holds(const struct served_db *sdb, struct slice params);
// Answers who asked for the conversion of a database that goes away.
void served_db_cancel_conversion(struct served_db *sdb);
void session_forget_conversions(struct session *session);

// staging.c
#define SESSION_MAX_STAGED ((size_t)3 << 30)
void session_drop_staged(struct session *session);

// locks.c
void session_release_locks(struct session *session);
size_t session_count_locks(const struct session *session, enum lock_state state); // O(its locks)
// A lock, or the wait for one, is saved as ["NAME", IS-THIEF, POSITION]; POSITION is null if it was
// stolen for good.
void session_save_locks(const struct session *session, struct buf *buf);
bool session_restore_lock(struct session *session, struct slice saved);
void server_settle_locks(struct server *server);
// For "assert": does the session (userdata) hold `lock`?
bool session_owns_lock(void *userdata, struct slice lock);

// limits.c
enum limited { LIMITED_MONITORS, LIMITED_TRIGGERS, LIMITED_LOCKS };
// NULL if the session may have one more of these; else it is counted and logged.
struct ovsdb_error *session_check_limit(const struct session *session, enum limited what);

// denials.c
// For the log: the session (userdata) was refused something. As often as the log's limit allows.
void session_log_denial(void *userdata, const struct denial *denial);

// audit.c
void audit_commit(const struct served_db *sdb, const struct changeset *changes);
void audit_clear(struct server *server, const char *db); // the rules of `db`, or all for NULL

// self.c
void server_self_start(struct server *server);
void server_self_stop(struct server *server);
void server_self_add(struct server *server, struct served_db *sdb);
// Its schema has changed.
void server_self_update(struct server *server, struct served_db *sdb);
void server_self_remove(struct server *server, struct served_db *sdb);
// The server has this id from now on, and its rows in _Server the UUIDs that follow from it. Before
// there are sessions.
void server_self_rename(struct server *server, struct uuid id);
// Of what _Server tells, and whether the server is a backup: the same in another process.
struct uuid server_self_digest(const struct server *server);
