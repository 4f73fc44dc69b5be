// SPDX-License-Identifier: Apache-2.0
// The served databases, and server_run(), which follows a batch of input. It first runs the woken
// transactions, because they commit, then sends the updates for all commits of the batch, and then
// continues the indexes that are being built.
// Commits mark what has to run (on_committed() here and in monitor/hub.c), so sessions and monitors
// that have nothing to do cost nothing.
#include "basic/log.h"
#include "engine/check.h"
#include "session/internal.h"

#include <assert.h>
#include <errno.h>

LOG_MODULE(session);

#define RUN_TRIGGERS 100  // transactions run again in one server_run()
#define RUN_MESSAGES 2000 // updates sent
#define RUN_ROWS     256  // rows visited for indexes that are being built

struct server *server_new(uuid_source *new_uuid)
{
    struct server *server = NEW(struct server);

    server->limits = SERVER_LIMITS_DEFAULT;
    server->slow_log = slow_log_new();
    server->id = new_uuid();
    list_init(&server->sessions);
    list_init(&server->slow);
    list_init(&server->woken);
    list_init(&server->audit_rules);
    server_db_start(server, new_uuid);
    return server;
}

void server_free(struct server *server)
{
    if (!server) {
        return;
    }
    assert(list_is_empty(&server->sessions) && !server->n_sessions);
    while (server->n_dbs > 1) {
        server_remove_db(server, server->dbs[server->dbs[0] == server->server_db]->db);
    }
    server_db_stop(server);
    audit_clear(server, NULL);
    assert(!server->n_dbs && !server->locks.n && list_is_empty(&server->woken));
    assert(!server->n_monitors && !server->n_triggers && !server->n_staged);
    htable_done(&server->locks);
    slow_log_free(server->slow_log);
    free(server->dbs);
    timers_done(&server->timeouts);
    buf_done(&server->out);
    buf_done(&server->scratch);
    free(server);
}

struct position served_db_position(const struct served_db *sdb)
{
    return sdb ? db_last_position(sdb->db) : POSITION_NONE;
}

// The index of the first database whose name is not less than `name`.
static size_t db_position(const struct server *server, struct slice name)
{
    size_t low = 0, high = server->n_dbs;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (slice_compare(slice_of(db_schema(server->dbs[middle]->db)->name), name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct served_db *server_find(const struct server *server, struct slice name)
{
    size_t i = db_position(server, name);

    if (i < server->n_dbs && slice_is(name, db_schema(server->dbs[i]->db)->name)) {
        return server->dbs[i];
    }
    return NULL;
}

struct db *server_find_db(const struct server *server, struct slice name)
{
    const struct served_db *sdb = server_find(server, name);

    return sdb ? sdb->db : NULL;
}

static void on_committed(struct db_observer *observer, struct db *db, struct changeset *changes)
{
    struct served_db *sdb = CONTAINER_OF(observer, struct served_db, observer);

    served_db_wake(sdb, changes);
    audit_commit(sdb, changes);
}

// The rows of these tables are as they were before, and a transaction may wait for that.
static void on_withdrawn(struct db_observer *observer, struct db *db, struct changeset *last)
{
    struct served_db *sdb = CONTAINER_OF(observer, struct served_db, observer);

    for (const struct changeset *changes = last->next; changes; changes = changes->next) {
        served_db_wake(sdb, changes);
        audit_withdrawn(sdb, changes);
    }
}

static void served_db_attach(struct served_db *sdb, struct db *db)
{
    size_t n_tables = db_schema(db)->n_tables;

    sdb->db = db;
    sdb->hub = hub_new(db, &session_monitor_sink);
    hub_set_clock(sdb->hub, sdb->server->clock);
    sdb->wakes = NEW_ARRAY(struct list, n_tables + 1);
    for (size_t i = 0; i < n_tables; i++) {
        list_init(&sdb->wakes[i]);
    }
    db_add_observer(db, &sdb->observer);
}

static void served_db_detach(struct served_db *sdb)
{
    for (size_t i = 0; i < db_schema(sdb->db)->n_tables; i++) {
        assert(list_is_empty(&sdb->wakes[i]));
    }
    db_remove_observer(&sdb->observer);
    hub_free(sdb->hub);
    free(sdb->wakes);
}

static struct served_db *served_db_new(struct server *server, struct db *db)
{
    struct served_db *sdb = NEW(struct served_db);

    sdb->server = server;
    sdb->state = DB_STATE_DEFAULT;
    list_init(&sdb->triggers);
    sdb->observer.committed = on_committed;
    sdb->observer.withdrawn = on_withdrawn;
    served_db_attach(sdb, db);
    return sdb;
}

// Its monitors and triggers must have ended.
static void served_db_free(struct served_db *sdb)
{
    assert(list_is_empty(&sdb->triggers) && !sdb->conversion);
    served_db_detach(sdb);
    free(sdb);
}

static void served_db_cancel_monitors(struct served_db *sdb)
{
    struct session *session;

    LIST_FOREACH (session, &sdb->server->sessions, node) {
        session_cancel_monitors(session, sdb);
    }
}

void served_db_replace(struct served_db *sdb, struct db *db)
{
    served_db_cancel_waits(sdb);
    served_db_cancel_monitors(sdb);
    served_db_detach(sdb);
    served_db_attach(sdb, db);
}

struct served_db *server_serve(struct server *server, struct db *db)
{
    struct served_db *sdb = served_db_new(server, db);
    size_t i = db_position(server, slice_of(db_schema(db)->name));

    assert(!server_find(server, slice_of(db_schema(db)->name)));
    GROW(server->dbs, server->n_dbs, server->dbs_capacity);
    memmove(&server->dbs[i + 1], &server->dbs[i], (server->n_dbs - i) * sizeof(*server->dbs));
    server->dbs[i] = sdb;
    server->n_dbs++;
    return sdb;
}

void server_unserve(struct server *server, struct served_db *sdb)
{
    struct session *session;
    size_t i = 0;

    LIST_FOREACH (session, &server->sessions, node) {
        session_remove_use(session, sdb);
    }
    served_db_cancel_conversion(sdb);
    served_db_cancel_triggers(sdb);
    served_db_cancel_monitors(sdb);
    while (server->dbs[i] != sdb) {
        i++;
        assert(i < server->n_dbs);
    }
    server->n_dbs--;
    memmove(&server->dbs[i], &server->dbs[i + 1], (server->n_dbs - i) * sizeof(*server->dbs));
    served_db_free(sdb);
}

void server_disconnect_unaware(struct server *server, const char *reason)
{
    struct session *session;

    LIST_FOREACH (session, &server->sessions, node) {
        if (!session->db_change_aware) {
            session_close(session, reason);
        }
    }
}

int server_add_db(struct server *server, struct db *db)
{
    const char *name = db_schema(db)->name;

    if (server_find(server, slice_of(name))) {
        return -EEXIST;
    }
    log_dbg("serving database %s", name);
    server_db_add(server, server_serve(server, db));
    server_disconnect_unaware(server, "a database was added");
    return 0;
}

void server_remove_db(struct server *server, struct db *db)
{
    struct served_db *sdb = server_find(server, slice_of(db_schema(db)->name));

    assert(sdb && sdb->db == db && !sdb->is_own);
    log_dbg("no longer serving database %s", db_schema(db)->name);
    server_disconnect_unaware(server, "a database was removed");
    server_db_remove(server, sdb);
    server_unserve(server, sdb);
}

struct uuid server_id(const struct server *server)
{
    return server->id;
}

usec_t server_deadline(const struct server *server)
{
    usec_t deadline = MIN(server_triggers_deadline(server), server_slow_deadline(server));

    for (size_t i = 0; i < server->n_dbs; i++) {
        deadline = MIN(deadline, hub_deadline(server->dbs[i]->hub));
    }
    return deadline;
}

bool server_run(struct server *server, usec_t now)
{
    size_t budget = RUN_TRIGGERS;
    bool more = server_run_triggers(server, now, &budget);

    budget = RUN_MESSAGES;
    for (size_t i = 0; i < server->n_dbs; i++) {
        more = hub_run(server->dbs[i]->hub, now, &budget) || more;
        more = db_build_indexes(server->dbs[i]->db, RUN_ROWS) || more;
    }
    server_check_slow(server, now);
    if (db_structure_checks()) {
        server_check_structures(server);
    }
    return more;
}

void server_usage(const struct server *server, struct server_usage *ret)
{
    *ret = (struct server_usage){
        .n_sessions = server->n_sessions,
        .n_monitors = server->n_monitors,
        .n_triggers = server->n_triggers,
        .n_locks = server->locks.n,
        .n_transactions = server->n_transactions,
        .n_lock_changes = server->n_lock_changes,
        .n_role_changes = server->n_role_changes,
    };
}
