// SPDX-License-Identifier: Apache-2.0
//     OFFLINE --connected--> WAITING --schema known--> INITIAL --contents--> REPLICATING
//                             |   ^                     |  large contents       ^
//                             |   |                     +-----> LOADING --------+
//             does not fit    |   |    monitor_canceled         |               |
//        LEFT_OUT <-----------+   +-----------------------------+---------------+---> FAILED
//                                      (from INITIAL, too)         cannot be applied
//
// Updates that arrive in LOADING wait until the contents have been applied. The connection is read
// meanwhile: a source whose probes are not answered would end it.
//
// replica_restart(), source_retry() and a change of the schema at the source lead from every state
// back to WAITING, and the end of the connection to OFFLINE.
#include "replication/replica_private.h"

#include "basic/log.h"
#include "replication/apply.h"
#include "replication/loading.h"
#include "json/cursor.h"
#include "json/emit.h"

#include <assert.h>

LOG_MODULE(replication);

// Bounds of a step of replica_run().
#define COLLECT_STEP 2000 // rows
#define UPDATE_STEP  8    // updates

// An update that waits for the end of LOADING.
struct waiting_update {
    struct list node; // replica->updates
    enum monitor_method method;
    struct buf updates;
    struct uuid txn_id;
};

static const char *const method_names[] = {
    [MONITOR_COND_SINCE] = "monitor_cond_since",
    [MONITOR_COND] = "monitor_cond",
    [MONITOR] = "monitor",
};
static_assert(ARRAY_SIZE(method_names) == N_MONITOR_METHODS, "each method has a name");

static const char *const state_names[] = {
    [REPLICA_OFFLINE] = "offline",         [REPLICA_WAITING] = "waiting",
    [REPLICA_INITIAL] = "requesting rows", [REPLICA_LOADING] = "loading rows",
    [REPLICA_REPLICATING] = "replicating", [REPLICA_LEFT_OUT] = "left out",
    [REPLICA_FAILED] = "failed",
};
static_assert(ARRAY_SIZE(state_names) == N_REPLICA_STATES, "each state has a name");

#define TO(state) (1u << REPLICA_##state)

static const unsigned allowed_moves[N_REPLICA_STATES] = {
    [REPLICA_OFFLINE] = TO(WAITING) | TO(LEFT_OUT),
    [REPLICA_WAITING] = TO(OFFLINE) | TO(INITIAL) | TO(LEFT_OUT) | TO(FAILED),
    [REPLICA_INITIAL] = TO(OFFLINE) | TO(WAITING) | TO(LOADING) | TO(REPLICATING) | TO(FAILED),
    [REPLICA_LOADING] = TO(OFFLINE) | TO(WAITING) | TO(REPLICATING) | TO(FAILED),
    [REPLICA_REPLICATING] = TO(OFFLINE) | TO(WAITING) | TO(FAILED),
    [REPLICA_LEFT_OUT] = TO(OFFLINE) | TO(WAITING),
    [REPLICA_FAILED] = TO(OFFLINE) | TO(WAITING),
};

static void drop_update(struct waiting_update *update)
{
    list_remove(&update->node);
    buf_done(&update->updates);
    free(update);
}

// Ends LOADING. The other thread may still work: then replica_loaded() frees the loading. A
// snapshot needs our database, which may be freed next.
static void end_loading(struct replica *replica)
{
    struct loading *loading = TAKE_PTR(replica->loading);

    while (!list_is_empty(&replica->updates)) {
        drop_update(LIST_FIRST(&replica->updates, struct waiting_update, node));
    }
    if (!loading) {
        return;
    }
    loading->replica = NULL;
    atomic_store(&loading->is_canceled, true);
    if (!loading->is_running) {
        loading_free(loading);
    } else if (loading->snapshot) {
        replica->handler->finish_load(replica->userdata, loading);
    }
}

static void replica_set_state(struct replica *replica, enum replica_state state, const char *reason)
{
    if (replica->state == state) {
        return;
    }
    if (replica->state == REPLICA_LOADING) {
        end_loading(replica);
    }
    assert(allowed_moves[replica->state] & 1u << state);
    assert(!reason == !(state == REPLICA_LEFT_OUT || state == REPLICA_FAILED));
    log_dbg("database %s: replication: %s -> %s", replica->name, state_names[replica->state],
            state_names[state]);
    replica->state = state;
    free(replica->reason);
    replica->reason = reason ? xstrdup(reason) : NULL;
    if (replica->handler->changed) {
        replica->handler->changed(replica->userdata);
    }
}

struct replica *replica_new(const struct replica_handler *handler, void *userdata, const char *name,
                            const struct exclude *exclude)
{
    struct replica *replica = NEW(struct replica);

    replica->handler = handler;
    replica->userdata = userdata;
    replica->name = xstrdup(name);
    replica->exclude = exclude;
    list_init(&replica->node);
    list_init(&replica->updates);
    return replica;
}

void replica_free(struct replica *replica)
{
    if (replica) {
        assert(!replica->source && replica->state == REPLICA_OFFLINE);
        schema_unref(replica->theirs);
        free(replica->monitor);
        buf_done(&replica->tables);
        buf_done(&replica->last_tables);
        buf_done(&replica->scratch);
        free(replica->reason);
        free(replica->name);
        free(replica);
    }
}

const char *replica_name(const struct replica *replica)
{
    return replica->name;
}

enum replica_state replica_state(const struct replica *replica)
{
    return replica->state;
}

const char *replica_reason(const struct replica *replica)
{
    return replica->reason;
}

bool replica_is_connected(const struct replica *replica)
{
    return replica->is_connected;
}

void replica_forget(struct replica *replica)
{
    replica->last_txn = UUID_ZERO;
}

void replica_set_strict(struct replica *replica, bool is_strict)
{
    replica->is_strict = is_strict;
}

void replica_set_connected(struct replica *replica, bool is_connected)
{
    if (replica->is_connected != is_connected) {
        replica->is_connected = is_connected;
        if (replica->handler->changed) {
            replica->handler->changed(replica->userdata);
        }
    }
}

void replica_stop(struct replica *replica)
{
    _cleanup_buf_ struct buf params = {0};

    if (!replica->monitor) {
        return;
    }
    if (replica->request) {
        source_cancel(replica->source, replica->request);
        replica->request = 0;
    }
    buf_putc(&params, '[');
    emit_string(&params, slice_of(replica->monitor));
    buf_putc(&params, ']');
    source_request(replica->source, "monitor_cancel", buf_slice(&params), NULL, NULL);
    free(TAKE_PTR(replica->monitor));
}

void replica_lose_monitor(struct replica *replica)
{
    free(TAKE_PTR(replica->monitor));
    source_cancel(replica->source, replica->request);
    replica->request = 0;
    replica_wait(replica);
}

void replica_wait(struct replica *replica)
{
    replica_stop(replica);
    replica_set_state(replica, REPLICA_WAITING, NULL);
}

static void replica_leave_out(struct replica *replica, const char *reason)
{
    replica_wait(replica);
    log_warn("database %s is not replicated: %s", replica->name, reason);
    replica_set_state(replica, REPLICA_LEFT_OUT, reason);
}

static void replica_fail(struct replica *replica, const char *reason)
{
    static struct log_limit limit = LOG_LIMIT_INIT(60, 20);

    log_limited(&limit, LOG_LEVEL_WARN, "%s", reason);
    replica_stop(replica);
    replica_forget(replica); // the next request is for all contents
    replica_set_state(replica, REPLICA_FAILED, reason);
    source_plan_retry(replica->source);
}

static void replica_fail_with_error(struct replica *replica, struct ovsdb_error *error)
{
    _cleanup_error_ struct ovsdb_error *owned = error;
    _cleanup_free_ char *text = error_text(owned);
    _cleanup_free_ char *reason = xasprintf("database %s: %s", replica->name, text);

    replica_fail(replica, reason);
}

void replica_disconnected(struct replica *replica)
{
    replica->request = 0;
    replica->n_monitors = 0;
    free(TAKE_PTR(replica->monitor));
    schema_unref(TAKE_PTR(replica->theirs));
    replica_set_connected(replica, false);
    replica_set_state(replica, REPLICA_OFFLINE, NULL);
}

// Writes the names of the columns that both schemas have.
static void put_columns(struct buf *params, const struct table_schema *table,
                        const struct table_schema *theirs)
{
    const char *separator = "";

    buf_putc(params, '[');
    for (size_t i = COLUMN_VERSION + 1; i < table->n_columns; i++) {
        const char *name = table->columns[i].name;

        if (table_schema_find_column(theirs, slice_of(name))) {
            buf_puts(params, separator);
            separator = ",";
            emit_string(params, slice_of(name));
        }
    }
    buf_putc(params, ']');
}

// Writes the monitor requests for the tables that both schemas have and that are not excluded.
// Returns false if there are none.
static bool put_tables(struct replica *replica, const struct schema *ours)
{
    struct buf *tables = &replica->tables;
    bool any = false;

    buf_clear(tables);
    buf_putc(tables, '{');
    for (size_t i = 0; i < ours->n_tables; i++) {
        const struct table_schema *table = &ours->tables[i];
        const struct table_schema *other =
            schema_find_table(replica->theirs, slice_of(table->name));

        if (other && !exclude_has(replica->exclude, ours->name, table->name)) {
            buf_puts(tables, any ? "," : "");
            any = true;
            emit_string(tables, slice_of(table->name));
            buf_puts(tables, ":[{\"columns\":");
            put_columns(tables, table, other);
            buf_puts(tables, "}]");
        }
    }
    buf_putc(tables, '}');
    return any;
}

// The position from which the source may send the difference, or UUID_ZERO.
static struct uuid replica_position(const struct replica *replica)
{
    return slice_equals(buf_slice(&replica->tables), buf_slice(&replica->last_tables))
               ? replica->last_txn
               : UUID_ZERO;
}

static void request_contents(struct replica *replica)
{
    _cleanup_buf_ struct buf params = {0};
    char text[UUID_TEXT_SIZE];

    assert(replica->state == REPLICA_INITIAL && replica->monitor);
    buf_putc(&params, '[');
    emit_string(&params, slice_of(replica->name));
    buf_putc(&params, ',');
    emit_string(&params, slice_of(replica->monitor));
    buf_putc(&params, ',');
    buf_put_slice(&params, buf_slice(&replica->tables));
    if (replica->method == MONITOR_COND_SINCE) {
        buf_printf(&params, ",\"%s\"", uuid_text(replica_position(replica), text));
    }
    buf_putc(&params, ']');
    replica->request = source_request(replica->source, method_names[replica->method],
                                      buf_slice(&params), replica_contents, replica);
    assert(replica->request);
}

// Appends the tables and columns of `one` that `other` does not have, without excluded tables.
static void put_lacking(const struct replica *replica, struct buf *list, const struct schema *one,
                        const struct schema *other)
{
    for (size_t i = 0; i < one->n_tables; i++) {
        const struct table_schema *table = &one->tables[i];
        const struct table_schema *same = schema_find_table(other, slice_of(table->name));

        if (exclude_has(replica->exclude, one->name, table->name)) {
            continue;
        }
        if (!same) {
            buf_printf(list, "%s%s", list->size ? ", " : "", table->name);
        }
        for (size_t j = COLUMN_VERSION + 1; same && j < table->n_columns; j++) {
            const char *name = table->columns[j].name;

            if (!table_schema_find_column(same, slice_of(name))) {
                buf_printf(list, "%s%s:%s", list->size ? ", " : "", table->name, name);
            }
        }
    }
}

static void log_differences(const struct replica *replica, struct buf *lost, struct buf *kept)
{
    if (lost->size) {
        log_warn("database %s: not replicated, as only the active server's schema has it: %s",
                 replica->name, buf_cstr(lost));
    }
    if (kept->size) {
        log_info("database %s: not replicated, as the active server's schema lacks it: %s",
                 replica->name, buf_cstr(kept));
    }
}

static void replica_refuse(struct replica *replica, const struct buf *lost, const struct buf *kept)
{
    _cleanup_buf_ struct buf reason = {0};

    buf_puts(&reason, "the schemas differ: ");
    if (lost->size) {
        buf_puts(&reason, "only the active server has ");
        buf_put_slice(&reason, buf_slice(lost));
    }
    if (kept->size) {
        buf_puts(&reason, lost->size ? "; only this server has " : "only this server has ");
        buf_put_slice(&reason, buf_slice(kept));
    }
    replica_leave_out(replica, buf_cstr(&reason));
}

// The id of the next monitor. Updates of a former monitor may still arrive, so it is not used again
// in the connection.
static void make_monitor_id(struct replica *replica)
{
    assert(!replica->monitor);
    replica->n_monitors++;
    replica->monitor = replica->n_monitors == 1
                           ? xstrdup(replica->name)
                           : xasprintf("%s %u", replica->name, replica->n_monitors);
}

// Our database and the schema at the source are known.
static void replica_start(struct replica *replica, const struct db *db)
{
    _cleanup_buf_ struct buf lost = {0}, kept = {0};

    put_lacking(replica, &lost, replica->theirs, db_schema(db));
    put_lacking(replica, &kept, db_schema(db), replica->theirs);
    if (replica->is_strict && (lost.size || kept.size)) {
        replica_refuse(replica, &lost, &kept);
        return;
    }
    log_differences(replica, &lost, &kept);
    if (!put_tables(replica, db_schema(db))) {
        replica_leave_out(replica,
                          "the active server's schema has no table that is to be replicated");
        return;
    }
    make_monitor_id(replica);
    replica->method = MONITOR_COND_SINCE;
    replica_set_state(replica, REPLICA_INITIAL, NULL);
    request_contents(replica);
}

void replica_offer(struct replica *replica, struct slice text)
{
    struct ovsdb_error *error;
    const struct db *db;

    replica_wait(replica);
    schema_unref(TAKE_PTR(replica->theirs));
    error = schema_from_text(text, &replica->theirs);
    if (error) {
        replica_fail_with_error(replica, error);
        return;
    }
    if (replica->handler->schema) {
        replica->handler->schema(replica->userdata, replica->theirs);
    }
    db = replica->handler->db(replica->userdata);
    if (db) {
        replica_start(replica, db);
    }
}

void replica_offer_nothing(struct replica *replica, const char *reason)
{
    schema_unref(TAKE_PTR(replica->theirs));
    replica_leave_out(replica, reason);
}

void replica_restart(struct replica *replica)
{
    const struct db *db;

    if (!replica->theirs) {
        return; // not connected, or the schema is not known yet
    }
    replica_wait(replica);
    db = replica->handler->db(replica->userdata);
    if (db) {
        replica_start(replica, db);
    }
}

// Returns false if that is not possible: then the replica has failed, or waits for our database.
static bool apply_to_db(struct replica *replica, struct slice updates, enum apply_kind kind,
                        struct uuid txn_id)
{
    enum apply_form form = replica->method == MONITOR ? APPLY_UPDATES : APPLY_UPDATES2;
    struct db *db = replica->handler->db(replica->userdata);
    struct ovsdb_error *error;

    if (!db) {
        replica_wait(replica);
        return false;
    }
    if (replica->handler->applying) {
        replica->handler->applying(replica->userdata, txn_id);
    }
    error = apply_updates(db, replica->exclude, replica->theirs, updates, kind, form);
    if (error) {
        replica_fail_with_error(replica, error);
    }
    return !error;
}

// The UUID in `id`, or UUID_ZERO if there is none: then the source does not give its transactions
// ids.
static struct uuid read_txn_id(struct replica *replica, struct slice id)
{
    struct slice text;
    struct uuid txn_id;

    return json_read_string(id, &replica->scratch, &text) && uuid_parse(text, &txn_id) ? txn_id
                                                                                       : UUID_ZERO;
}

static void set_position(struct replica *replica, struct uuid txn_id)
{
    replica->last_txn = txn_id;
    buf_clear(&replica->last_tables);
    buf_put_slice(&replica->last_tables, buf_slice(&replica->tables));
}

// The reply to monitor_cond_since: [<found>, <last transaction id>, <table-updates2>].
static bool apply_since(struct replica *replica, struct slice result)
{
    struct slice parts[3];
    struct uuid txn_id;
    bool is_found;

    if (json_cut(result, parts, 3) != 3 || !json_read_boolean(parts[0], &is_found)) {
        replica_fail(replica, "the reply to monitor_cond_since is not [found, last id, updates]");
        return false;
    }
    if (is_found && uuid_equals(replica_position(replica), UUID_ZERO)) {
        replica_fail(replica, "the reply to monitor_cond_since says found, but no id was sent");
        return false;
    }
    txn_id = read_txn_id(replica, parts[1]);
    if (!apply_to_db(replica, parts[2], is_found ? APPLY_CHANGES : APPLY_ALL, txn_id)) {
        return false;
    }
    log_dbg("database %s: the source sends %s", replica->name,
            is_found ? "what has changed since the last connection" : "all contents");
    set_position(replica, txn_id);
    return true;
}

static void on_contents_refused(struct replica *replica, struct slice error)
{
    _cleanup_free_ char *reason = NULL;

    if (replica->method != MONITOR) {
        replica->method++; // older servers do not have the newer methods
        request_contents(replica);
        return;
    }
    free(TAKE_PTR(replica->monitor)); // the source has made none
    reason = xasprintf("database %s: the active server replied with an error: " SLICE_FORMAT,
                       replica->name, SLICE_ARGS(error));
    replica_fail(replica, reason);
}

void replica_contents(void *userdata, const struct message *reply)
{
    struct replica *replica = userdata;

    replica->request = 0;
    if (!reply) {
        return; // replica_disconnected() follows
    }
    if (reply->type == MESSAGE_ERROR) {
        on_contents_refused(replica, reply->error);
    } else if (replica->method == MONITOR_COND_SINCE
                   ? apply_since(replica, reply->result)
                   : apply_to_db(replica, reply->result, APPLY_ALL, UUID_ZERO)) {
        replica_set_state(replica, REPLICA_REPLICATING, NULL);
        log_info("replicating database %s", replica->name);
    }
}

bool replica_can_load(const struct replica *replica)
{
    assert(replica->state == REPLICA_INITIAL);
    // The rows of "monitor" may lack columns, and then keep ours.
    return replica->handler->load && replica->method != MONITOR &&
           replica->handler->db(replica->userdata);
}

void replica_load(struct replica *replica, struct buf *message)
{
    const struct replica_handler *handler = replica->handler;
    struct db *db = handler->db(replica->userdata);

    assert(db && !replica->loading);
    replica->request = 0;
    replica->loading =
        loading_new(db, replica->theirs, replica->exclude, replica->method == MONITOR_COND_SINCE,
                    handler->may_replace && handler->may_replace(replica->userdata), message);
    replica->loading->replica = replica;
    replica_set_state(replica, REPLICA_LOADING, NULL);
    source_plan_run(replica->source);
}

// Uses the results of the other thread. Returns false if that is not possible.
static bool apply_loaded(struct replica *replica, struct loading *loading)
{
    const struct db *db = replica->handler->db(replica->userdata);

    if (loading->error) {
        replica_fail_with_error(replica, TAKE_PTR(loading->error));
        return false;
    }
    if (loading->is_found && uuid_equals(replica_position(replica), UUID_ZERO)) {
        replica_fail(replica, "the reply to monitor_cond_since says found, but no id was sent");
        return false;
    }
    if (!db || loading_is_outdated(loading, db)) {
        replica_fail(replica, "the database was changed while the contents were compared");
        return false;
    }
    if (loading->db) {
        if (replica->handler->applying) {
            replica->handler->applying(replica->userdata, loading->txn_id);
        }
        replica->handler->loaded(replica->userdata, TAKE_PTR(loading->db));
    } else if (!apply_to_db(replica, loading->updates, APPLY_CHANGES, loading->txn_id)) {
        return false;
    }
    if (loading->is_since) {
        set_position(replica, loading->txn_id);
    }
    return true;
}

struct db *replica_loaded(struct loading *loading)
{
    struct replica *replica = loading->replica;
    struct db *unused;

    assert(loading->is_running);
    loading->is_running = false;
    if (replica) {
        assert(replica->state == REPLICA_LOADING && replica->loading == loading);
        replica->loading = NULL;
        if (apply_loaded(replica, loading)) {
            source_plan_run(replica->source);
        }
    }
    unused = TAKE_PTR(loading->db);
    loading_free(loading);
    return unused;
}

static bool apply_update(struct replica *replica, enum monitor_method method, struct slice updates,
                         struct uuid txn_id)
{
    bool is_applied = apply_to_db(replica, updates, APPLY_CHANGES, txn_id);

    if (is_applied && method == MONITOR_COND_SINCE) {
        set_position(replica, txn_id);
    }
    return is_applied;
}

// Applies updates that have waited. Returns true if the state is LOADING still.
static bool apply_waiting(struct replica *replica)
{
    for (int i = 0; i < UPDATE_STEP && !list_is_empty(&replica->updates); i++) {
        struct waiting_update *update = LIST_FIRST(&replica->updates, struct waiting_update, node);

        if (!apply_update(replica, update->method, buf_slice(&update->updates), update->txn_id)) {
            return false; // the state has changed, which has dropped the updates
        }
        drop_update(update);
    }
    if (!list_is_empty(&replica->updates)) {
        return true;
    }
    replica_set_state(replica, REPLICA_REPLICATING, NULL);
    log_info("replicating database %s", replica->name);
    return false;
}

bool replica_run(struct replica *replica)
{
    struct loading *loading = replica->loading;

    if (replica->state != REPLICA_LOADING) {
        return false;
    }
    if (!loading) {
        return apply_waiting(replica);
    }
    if (loading->is_running) {
        return false; // replica_loaded() goes on
    }
    if (!loading_collect(loading, COLLECT_STEP)) {
        loading->is_running = true;
        replica->handler->load(replica->userdata, loading);
        return false;
    }
    return true;
}

// Stores an update until the contents have been applied.
static void keep_update(struct replica *replica, struct slice updates, struct uuid txn_id)
{
    struct waiting_update *update = NEW(struct waiting_update);

    update->method = replica->method;
    buf_put_slice(&update->updates, updates);
    update->txn_id = txn_id;
    list_push_back(&replica->updates, &update->node);
}

void replica_update(struct replica *replica, enum monitor_method method, struct slice updates,
                    struct slice id)
{
    struct uuid txn_id = method == MONITOR_COND_SINCE ? read_txn_id(replica, id) : UUID_ZERO;

    if (replica->state == REPLICA_LOADING && replica->method == method) {
        keep_update(replica, updates, txn_id);
    } else if (replica->state != REPLICA_REPLICATING || replica->method != method) {
        replica_fail(replica, "received an update before the contents, or of another method");
    } else {
        apply_update(replica, method, updates, txn_id);
    }
}
