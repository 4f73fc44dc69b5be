// SPDX-License-Identifier: Apache-2.0
// Requests have fixed ids: 0 get_server_id, 1 list_dbs, then get_schema and the monitor request of each
// database. The monitor request is sent again, with the same id, for each method that the active server
// does not have.
//
// A database that the active server does not have, or that has no table in common with it, is not
// replicated, and a warning is logged. Any other failure ends the connection; the next connection has
// a new replica, which begins from the start. The states of a database:
//
//     UNKNOWN --list_dbs has it--> SCHEMA --get_schema--> INITIAL --monitor--> REPLICATING
//        |                            |
//        +--list_dbs lacks it---------+--no common table--> LEFT_OUT
#include "replication/replica.h"

#include "basic/log.h"
#include "replication/apply.h"
#include "json/emit.h"
#include "json/message.h"

#include <assert.h>

LOG_MODULE(replication);

enum { ID_SERVER_ID, ID_LIST_DBS, ID_FIRST_DB };

// Ways to request contents and updates, the best first.
enum monitor_method { MONITOR_COND_SINCE, MONITOR_COND, MONITOR, N_MONITOR_METHODS };

static const struct {
    const char *request;
    const char *update; // the method of its notifications
} methods[] = {
    [MONITOR_COND_SINCE] = {"monitor_cond_since", "update3"},
    [MONITOR_COND] = {"monitor_cond", "update2"},
    [MONITOR] = {"monitor", "update"},
};
static_assert(ARRAY_SIZE(methods) == N_MONITOR_METHODS, "each method has names");

enum replicated_db_state {
    DB_UNKNOWN,     // not known whether the active server has it
    DB_SCHEMA,      // get_schema has been sent
    DB_INITIAL,     // the monitor request has been sent
    DB_REPLICATING, // the initial contents have been applied, and updates are
    DB_LEFT_OUT,    // it cannot be replicated
    DB_N_STATES
};

static const char *const state_names[] = {
    [DB_UNKNOWN] = "unknown",         [DB_SCHEMA] = "requesting schema",
    [DB_INITIAL] = "requesting rows", [DB_REPLICATING] = "replicating",
    [DB_LEFT_OUT] = "left out",
};
static_assert(ARRAY_SIZE(state_names) == DB_N_STATES, "each state has a name");

#define TO(state) (1u << DB_##state)

static const unsigned allowed_moves[DB_N_STATES] = {
    [DB_UNKNOWN] = TO(SCHEMA) | TO(LEFT_OUT),
    [DB_SCHEMA] = TO(INITIAL) | TO(LEFT_OUT),
    [DB_INITIAL] = TO(REPLICATING),
};

struct replicated_db {
    char *name;
    enum replicated_db_state state;
    struct schema *theirs; // the active server's schema; set in DB_SCHEMA by the reply
    enum monitor_method method;
    struct buf tables; // the <monitor-requests>, set in DB_SCHEMA by the reply
    char *reason;      // in DB_LEFT_OUT: why; else NULL
};

struct replica {
    const struct replica_handler *handler;
    void *userdata;
    struct uuid own_id;
    const struct exclude *exclude;
    struct resume *resume;
    struct replicated_db *dbs;
    size_t n_dbs, dbs_capacity;
    bool is_started;
    bool has_listed; // the reply to list_dbs has been received
    bool has_failed; // give_up() or is_self() has been called
    struct buf scratch;
};

static void replicated_db_set_state(struct replicated_db *rdb, enum replicated_db_state state)
{
    assert(allowed_moves[rdb->state] & 1u << state);
    log_dbg("database %s: replication: %s -> %s", rdb->name, state_names[rdb->state],
            state_names[state]);
    rdb->state = state;
}

struct replica *replica_new(const struct replica_handler *handler, void *userdata,
                            struct uuid own_id, const struct exclude *exclude,
                            struct resume *resume)
{
    struct replica *replica = NEW(struct replica);

    replica->handler = handler;
    replica->userdata = userdata;
    replica->own_id = own_id;
    replica->exclude = exclude;
    replica->resume = resume;
    return replica;
}

void replica_free(struct replica *replica)
{
    if (replica) {
        for (size_t i = 0; i < replica->n_dbs; i++) {
            schema_unref(replica->dbs[i].theirs);
            buf_done(&replica->dbs[i].tables);
            free(replica->dbs[i].reason);
            free(replica->dbs[i].name);
        }
        free(replica->dbs);
        buf_done(&replica->scratch);
        free(replica);
    }
}

void replica_add_db(struct replica *replica, const char *name)
{
    assert(!replica->is_started);
    GROW(replica->dbs, replica->n_dbs, replica->dbs_capacity);
    replica->dbs[replica->n_dbs++] = (struct replicated_db){.name = xstrdup(name)};
}

static void replica_fail(struct replica *replica, const char *reason)
{
    if (!replica->has_failed) {
        replica->has_failed = true;
        replica->handler->give_up(replica->userdata, reason);
    }
}

static void replica_fail_with_error(struct replica *replica, const struct replicated_db *rdb,
                                    struct ovsdb_error *error)
{
    _cleanup_error_ struct ovsdb_error *owned = error;
    _cleanup_free_ char *text = error_text(owned);
    _cleanup_free_ char *reason = xasprintf("database %s: %s", rdb->name, text);

    replica_fail(replica, reason);
}

// Our database, or NULL: then the replica has failed.
static struct db *find_db(struct replica *replica, const struct replicated_db *rdb)
{
    struct db *db = replica->handler->find_db(replica->userdata, rdb->name);

    if (!db) {
        replica_fail(replica, "a replicated database is no longer served");
    }
    return db;
}

static void send_request(struct replica *replica, const char *method, struct slice params,
                         size_t id)
{
    _cleanup_buf_ struct buf message = {0}, number = {0};

    emit_integer(&number, (int64_t)id);
    message_put_request(&message, slice_of(method), params, buf_slice(&number));
    replica->handler->send(replica->userdata, buf_slice(&message));
}

void replica_start(struct replica *replica)
{
    assert(!replica->is_started);
    replica->is_started = true;
    send_request(replica, "get_server_id", SLICE("[]"), ID_SERVER_ID);
    send_request(replica, "list_dbs", SLICE("[]"), ID_LIST_DBS);
}

// The id of the request that the database's state stands for.
static size_t request_id(const struct replica *replica, const struct replicated_db *rdb)
{
    return ID_FIRST_DB + 2 * (size_t)(rdb - replica->dbs) + (rdb->state == DB_INITIAL);
}

static void leave_out(struct replicated_db *rdb, const char *reason)
{
    log_warn("database %s is not replicated: %s", rdb->name, reason);
    replicated_db_set_state(rdb, DB_LEFT_OUT);
    assert(!rdb->reason);
    rdb->reason = xstrdup(reason);
}

static void request_schema(struct replica *replica, struct replicated_db *rdb)
{
    _cleanup_buf_ struct buf params = {0};

    replicated_db_set_state(rdb, DB_SCHEMA);
    buf_putc(&params, '[');
    emit_string(&params, slice_of(rdb->name));
    buf_putc(&params, ']');
    send_request(replica, "get_schema", buf_slice(&params), request_id(replica, rdb));
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
static bool put_tables(const struct replica *replica, const struct schema *ours,
                       const struct schema *theirs, struct buf *params)
{
    bool any = false;

    for (size_t i = 0; i < ours->n_tables; i++) {
        const struct table_schema *table = &ours->tables[i];
        const struct table_schema *other = schema_find_table(theirs, slice_of(table->name));

        if (other && !exclude_has(replica->exclude, ours->name, table->name)) {
            buf_puts(params, any ? "," : "");
            any = true;
            emit_string(params, slice_of(table->name));
            buf_puts(params, ":[{\"columns\":");
            put_columns(params, table, other);
            buf_puts(params, "}]");
        }
    }
    return any;
}

static void request_contents(struct replica *replica, const struct replicated_db *rdb)
{
    _cleanup_buf_ struct buf params = {0};
    struct uuid last = UUID_ZERO;
    char text[UUID_TEXT_SIZE];

    assert(rdb->state == DB_INITIAL);
    buf_putc(&params, '[');
    emit_string(&params, slice_of(rdb->name));
    buf_putc(&params, ',');
    emit_string(&params, slice_of(rdb->name)); // the monitor's id
    buf_putc(&params, ',');
    buf_put_slice(&params, buf_slice(&rdb->tables));
    if (rdb->method == MONITOR_COND_SINCE) {
        resume_find(replica->resume, rdb->name, buf_slice(&rdb->tables), &last);
        buf_printf(&params, ",\"%s\"", uuid_text(last, text));
    }
    buf_putc(&params, ']');
    send_request(replica, methods[rdb->method].request, buf_slice(&params),
                 request_id(replica, rdb));
}

// Appends the tables and columns of `one` that `other` does not have.
static void put_lacking(struct buf *list, const struct schema *one, const struct schema *other)
{
    for (size_t i = 0; i < one->n_tables; i++) {
        const struct table_schema *table = &one->tables[i];
        const struct table_schema *same = schema_find_table(other, slice_of(table->name));

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

static void log_differences(const struct replicated_db *rdb, const struct schema *ours)
{
    _cleanup_buf_ struct buf lost = {0}, kept = {0};

    put_lacking(&lost, rdb->theirs, ours);
    put_lacking(&kept, ours, rdb->theirs);
    if (lost.size) {
        log_warn("database %s: not replicated, as only the active server's schema has it: %s",
                 rdb->name, buf_cstr(&lost));
    }
    if (kept.size) {
        log_info("database %s: not replicated, as the active server's schema lacks it: %s",
                 rdb->name, buf_cstr(&kept));
    }
}

static void on_server_id(struct replica *replica, struct slice result)
{
    struct uuid id;

    if (json_kind_of(result) == JSON_KIND_STRING &&
        uuid_parse(json_decode_string(result, &replica->scratch), &id) &&
        uuid_equals(id, replica->own_id)) {
        replica->has_failed = true;
        replica->handler->is_self(replica->userdata);
    }
}

static bool list_has_name(struct replica *replica, struct slice names, const char *name)
{
    struct cursor cursor;
    bool found = false;

    cursor_init(&cursor, names);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        found |= cursor_kind(&cursor) == JSON_KIND_STRING &&
                 slice_is(json_decode_string((struct slice){cursor.p, cursor.end - cursor.p},
                                             &replica->scratch),
                          name);
        cursor_skip(&cursor);
    }
    return found;
}

static void on_list_dbs(struct replica *replica, struct slice result)
{
    if (replica->has_listed) {
        replica_fail(replica, "received a reply without a request");
        return;
    }
    if (json_kind_of(result) != JSON_KIND_ARRAY) {
        replica_fail(replica, "the reply to list_dbs is not an array");
        return;
    }
    replica->has_listed = true;
    for (size_t i = 0; i < replica->n_dbs; i++) {
        struct replicated_db *rdb = &replica->dbs[i];

        if (list_has_name(replica, result, rdb->name)) {
            request_schema(replica, rdb);
        } else {
            leave_out(rdb, "the active server does not have it");
        }
    }
}

static void on_schema(struct replica *replica, struct replicated_db *rdb, struct slice result)
{
    struct ovsdb_error *error;
    struct db *db;

    assert(!rdb->theirs);
    error = schema_from_text(result, &rdb->theirs);
    if (error) {
        replica_fail_with_error(replica, rdb, error);
        return;
    }
    db = find_db(replica, rdb);
    if (db) {
        log_differences(rdb, db_schema(db));
        buf_putc(&rdb->tables, '{');
        if (put_tables(replica, db_schema(db), rdb->theirs, &rdb->tables)) {
            buf_putc(&rdb->tables, '}');
            replicated_db_set_state(rdb, DB_INITIAL);
            request_contents(replica, rdb);
        } else {
            leave_out(rdb, "the active server's schema has no table that is to be replicated");
        }
    }
}

// Returns false if that is not possible: then the replica has failed.
static bool apply_to_db(struct replica *replica, const struct replicated_db *rdb,
                        struct slice updates, enum apply_kind kind)
{
    enum apply_form form = rdb->method == MONITOR ? APPLY_UPDATES : APPLY_UPDATES2;
    struct db *db = find_db(replica, rdb);
    struct ovsdb_error *error =
        db ? apply_updates(db, replica->exclude, rdb->theirs, updates, kind, form) : NULL;

    if (error) {
        resume_forget(replica->resume, rdb->name); // the next connection requests all contents
        replica_fail_with_error(replica, rdb, error);
    }
    return db && !error;
}

// `id` is the id of the last transaction that has been applied. If it is the zero UUID or not an id,
// the active server does not give its transactions ids.
static void set_position(struct replica *replica, const struct replicated_db *rdb, struct slice id)
{
    struct uuid txn_id;

    if (json_kind_of(id) == JSON_KIND_STRING &&
        uuid_parse(json_decode_string(id, &replica->scratch), &txn_id) &&
        !uuid_equals(txn_id, UUID_ZERO)) {
        resume_set(replica->resume, rdb->name, buf_slice(&rdb->tables), txn_id);
    } else {
        resume_forget(replica->resume, rdb->name);
    }
}

// The reply to monitor_cond_since: [<found>, <last transaction id>, <table-updates2>].
static bool apply_since(struct replica *replica, const struct replicated_db *rdb,
                        struct slice result)
{
    struct slice parts[3];
    struct uuid last;
    bool is_found;

    if (json_cut(result, parts, 3) != 3 ||
        !(slice_is(parts[0], "true") || slice_is(parts[0], "false"))) {
        replica_fail(replica, "the reply to monitor_cond_since is not [found, last id, updates]");
        return false;
    }
    is_found = slice_is(parts[0], "true");
    if (is_found && !resume_find(replica->resume, rdb->name, buf_slice(&rdb->tables), &last)) {
        replica_fail(replica, "the reply to monitor_cond_since says found, but no id was sent");
        return false;
    }
    if (!apply_to_db(replica, rdb, parts[2], is_found ? APPLY_CHANGES : APPLY_ALL)) {
        return false;
    }
    log_dbg("database %s: the source sends %s", rdb->name,
            is_found ? "what has changed since the last connection" : "all contents");
    set_position(replica, rdb, parts[1]);
    return true;
}

static void on_contents(struct replica *replica, struct replicated_db *rdb, struct slice result)
{
    if (rdb->method == MONITOR_COND_SINCE ? apply_since(replica, rdb, result)
                                          : apply_to_db(replica, rdb, result, APPLY_ALL)) {
        replicated_db_set_state(rdb, DB_REPLICATING);
        log_info("replicating database %s", rdb->name);
    }
}

// The database that waits for the reply to request `id`, or NULL.
static struct replicated_db *find_request(struct replica *replica, struct slice id)
{
    struct replicated_db *rdb;
    struct cursor cursor;
    int64_t number;
    double real;

    cursor_init(&cursor, id);
    if (cursor_kind(&cursor) != JSON_KIND_NUMBER || !cursor_number(&cursor, &number, &real) ||
        number < ID_FIRST_DB || number >= (int64_t)(ID_FIRST_DB + 2 * replica->n_dbs)) {
        return NULL;
    }
    rdb = &replica->dbs[(number - ID_FIRST_DB) / 2];
    return (rdb->state == DB_SCHEMA || rdb->state == DB_INITIAL) &&
                   request_id(replica, rdb) == (size_t)number
               ? rdb
               : NULL;
}

static void on_reply(struct replica *replica, const struct message *reply)
{
    struct replicated_db *rdb = find_request(replica, reply->id);

    if (rdb && rdb->state == DB_SCHEMA) {
        on_schema(replica, rdb, reply->result);
    } else if (rdb) {
        on_contents(replica, rdb, reply->result);
    } else if (slice_is(reply->id, "0")) {
        on_server_id(replica, reply->result);
    } else if (slice_is(reply->id, "1")) {
        on_list_dbs(replica, reply->result);
    } else {
        replica_fail(replica, "received a reply without a request");
    }
}

// "update": [<id>, <table-updates>], "update2": [<id>, <table-updates2>],
// "update3": [<id>, <last transaction id>, <table-updates2>]. The id is the database's name.
static void on_update(struct replica *replica, struct slice params, enum monitor_method method)
{
    size_t n = method == MONITOR_COND_SINCE ? 3 : 2;
    struct slice parts[3], name;

    if (json_cut(params, parts, n) != n || json_kind_of(parts[0]) != JSON_KIND_STRING) {
        replica_fail(replica, "received a malformed update");
        return;
    }
    name = json_decode_string(parts[0], &replica->scratch);
    for (size_t i = 0; i < replica->n_dbs; i++) {
        struct replicated_db *rdb = &replica->dbs[i];

        if (rdb->state == DB_REPLICATING && rdb->method == method && slice_is(name, rdb->name)) {
            if (apply_to_db(replica, rdb, parts[n - 1], APPLY_CHANGES) && n == 3) {
                set_position(replica, rdb, parts[1]);
            }
            return;
        }
    }
    replica_fail(replica, "received an update of a database that is not replicated");
}

static void on_notification(struct replica *replica, const struct message *message)
{
    for (enum monitor_method method = 0; method < N_MONITOR_METHODS; method++) {
        if (slice_is(message->method, methods[method].update)) {
            on_update(replica, message->params, method);
        }
    }
}

static void on_error(struct replica *replica, const struct message *reply)
{
    struct replicated_db *rdb = find_request(replica, reply->id);
    _cleanup_free_ char *reason = NULL;

    // Old servers do not have get_server_id. Then the id of the other server is not known.
    if (slice_is(reply->id, "0")) {
        return;
    }
    if (rdb && rdb->state == DB_INITIAL && rdb->method != MONITOR) {
        rdb->method++; // older servers do not have the newer methods
        request_contents(replica, rdb);
        return;
    }
    reason = xasprintf("the active server replied with an error: " SLICE_FORMAT,
                       SLICE_ARGS(reply->error));
    replica_fail(replica, reason);
}

static void on_request(struct replica *replica, const struct message *request)
{
    _cleanup_buf_ struct buf reply = {0};

    if (slice_is(request->method, "echo")) {
        message_put_reply(&reply, request->id, request->params);
    } else {
        message_put_error(&reply, request->id, SLICE("\"unknown method\""));
    }
    replica->handler->send(replica->userdata, buf_slice(&reply));
}

void replica_receive(struct replica *replica, struct slice text)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct message message;
    const char *error;

    if (replica->has_failed) {
        return;
    }
    error = message_parse(text, &scratch, &message);
    if (error) {
        replica_fail(replica, error);
        return;
    }
    switch (message.type) {
    case MESSAGE_REQUEST:
        on_request(replica, &message);
        break;
    case MESSAGE_NOTIFICATION:
        on_notification(replica, &message);
        break;
    case MESSAGE_REPLY:
        on_reply(replica, &message);
        break;
    case MESSAGE_ERROR:
        on_error(replica, &message);
        break;
    }
}

bool replica_is_replicating(const struct replica *replica)
{
    bool any = false;

    for (size_t i = 0; i < replica->n_dbs; i++) {
        enum replicated_db_state state = replica->dbs[i].state;

        any |= state == DB_REPLICATING;
        if (state != DB_REPLICATING && state != DB_LEFT_OUT) {
            return false;
        }
    }
    return any;
}

bool replica_db_status(const struct replica *replica, const char *name, const char **ret_reason)
{
    *ret_reason = NULL;
    for (size_t i = 0; i < replica->n_dbs; i++) {
        const struct replicated_db *rdb = &replica->dbs[i];

        if (!strcmp(rdb->name, name)) {
            *ret_reason = rdb->reason;
            return rdb->state == DB_REPLICATING;
        }
    }
    return false;
}
