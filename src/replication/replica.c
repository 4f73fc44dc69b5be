// SPDX-License-Identifier: Apache-2.0
// Requests are numbered: 0 get_server_id, 1 list_dbs, then two for each database. A database that
// the active server lacks, or that has no table in common with it, is left alone with a warning.
// Any other failure ends the connection, and everything starts anew on the next.
#include "replication/replica.h"

#include "basic/log.h"
#include "replication/apply.h"
#include "json/emit.h"
#include "json/message.h"

LOG_MODULE(replication);

enum { ID_SERVER_ID, ID_LIST_DBS, ID_FIRST_DB };

// How contents and updates are asked for, the best way first. Whoever does not know one method is
// asked by the next.
enum monitor_method { MONITOR_COND_SINCE, MONITOR_COND, MONITOR, N_MONITOR_METHODS };

static const char *const method_names[] = {
    [MONITOR_COND_SINCE] = "monitor_cond_since",
    [MONITOR_COND] = "monitor_cond",
    [MONITOR] = "monitor",
};

enum db_state {
    DB_UNKNOWN,     // not known yet whether the active server has it
    DB_SCHEMA,      // its schema there has been asked for
    DB_INITIAL,     // its contents have been asked for
    DB_REPLICATING, // every change there comes here
    DB_LEFT_ALONE,
};

struct replicated_db {
    char *name;
    enum db_state state;
    enum monitor_method method;
    struct schema *theirs; // from DB_INITIAL on
    struct buf request;    // the tables and columns asked for
    char *reason;          // why it is left alone
};

struct replica {
    const struct replica_handler *handler;
    void *userdata;
    struct uuid own_id;
    const struct exclude *exclude;
    struct resume *resume;
    struct replicated_db *dbs;
    size_t n_dbs, dbs_capacity;
    bool has_failed;
    struct buf scratch;
};

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
            buf_done(&replica->dbs[i].request);
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
    GROW(replica->dbs, replica->n_dbs, replica->dbs_capacity);
    replica->dbs[replica->n_dbs++] = (struct replicated_db){.name = xstrdup(name)};
}

static void fail(struct replica *replica, const char *reason)
{
    if (!replica->has_failed) {
        replica->has_failed = true;
        replica->handler->give_up(replica->userdata, reason);
    }
}

static void fail_with(struct replica *replica, const struct replicated_db *rdb,
                      struct ovsdb_error *error)
{
    _cleanup_error_ struct ovsdb_error *owned = error;
    _cleanup_free_ char *text = error_text(owned);
    _cleanup_free_ char *reason = xasprintf("database %s: %s", rdb->name, text);

    fail(replica, reason);
}

// The database itself; without it the connection is of no use.
static struct db *find_db(struct replica *replica, const struct replicated_db *rdb)
{
    struct db *db = replica->handler->find_db(replica->userdata, rdb->name);

    if (!db) {
        fail(replica, "a replicated database is gone");
    }
    return db;
}

static void request(struct replica *replica, const char *method, struct slice params, size_t id)
{
    _cleanup_buf_ struct buf message = {0}, number = {0};

    emit_integer(&number, (int64_t)id);
    message_put_request(&message, slice_of(method), params, buf_slice(&number));
    replica->handler->send(replica->userdata, buf_slice(&message));
}

void replica_start(struct replica *replica)
{
    request(replica, "get_server_id", SLICE("[]"), ID_SERVER_ID);
    request(replica, "list_dbs", SLICE("[]"), ID_LIST_DBS);
}

static size_t request_id(const struct replica *replica, const struct replicated_db *rdb)
{
    return ID_FIRST_DB + 2 * (size_t)(rdb - replica->dbs) + (rdb->state == DB_INITIAL);
}

static void leave_alone(struct replicated_db *rdb, const char *why)
{
    log_warn("database %s is not replicated: %s", rdb->name, why);
    rdb->state = DB_LEFT_ALONE;
    rdb->reason = xstrdup(why);
}

static void request_schema(struct replica *replica, struct replicated_db *rdb)
{
    _cleanup_buf_ struct buf params = {0};

    rdb->state = DB_SCHEMA;
    buf_putc(&params, '[');
    emit_string(&params, slice_of(rdb->name));
    buf_putc(&params, ']');
    request(replica, "get_schema", buf_slice(&params), request_id(replica, rdb));
}

// Those that both have.
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

// Appends the requests for every table that both have and that is not excluded. False: there is
// none.
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

static void request_contents(struct replica *replica, struct replicated_db *rdb)
{
    _cleanup_buf_ struct buf params = {0};
    struct uuid last = UUID_ZERO;
    char text[UUID_TEXT_SIZE];

    buf_putc(&params, '[');
    emit_string(&params, slice_of(rdb->name));
    buf_putc(&params, ',');
    emit_string(&params, slice_of(rdb->name)); // the monitor's id
    buf_putc(&params, ',');
    buf_put_slice(&params, buf_slice(&rdb->request));
    if (rdb->method == MONITOR_COND_SINCE) {
        resume_find(replica->resume, rdb->name, buf_slice(&rdb->request), &last);
        buf_printf(&params, ",\"%s\"", uuid_text(last, text));
    }
    buf_putc(&params, ']');
    rdb->state = DB_INITIAL;
    request(replica, method_names[rdb->method], buf_slice(&params), request_id(replica, rdb));
}

// Appends the tables and columns of `one` that `other` lacks.
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

static bool lists(struct replica *replica, struct slice names, const char *name)
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
    if (json_kind_of(result) != JSON_KIND_ARRAY) {
        fail(replica, "the reply to list_dbs is no array");
        return;
    }
    for (size_t i = 0; i < replica->n_dbs; i++) {
        struct replicated_db *rdb = &replica->dbs[i];

        if (lists(replica, result, rdb->name)) {
            request_schema(replica, rdb);
        } else {
            leave_alone(rdb, "the active server does not have it");
        }
    }
}

static void on_schema(struct replica *replica, struct replicated_db *rdb, struct slice result)
{
    struct ovsdb_error *error = schema_from_text(result, &rdb->theirs);
    struct db *db;

    if (error) {
        fail_with(replica, rdb, error);
        return;
    }
    db = find_db(replica, rdb);
    if (db) {
        log_differences(rdb, db_schema(db));
        buf_putc(&rdb->request, '{');
        if (put_tables(replica, db_schema(db), rdb->theirs, &rdb->request)) {
            buf_putc(&rdb->request, '}');
            request_contents(replica, rdb);
        } else {
            leave_alone(rdb, "the active server's schema has no table that is to be replicated");
        }
    }
}

// False if the connection is of no use any more.
static bool apply(struct replica *replica, const struct replicated_db *rdb, struct slice updates,
                  enum apply_kind kind)
{
    enum apply_form form = rdb->method == MONITOR ? APPLY_UPDATES : APPLY_UPDATES2;
    struct db *db = find_db(replica, rdb);
    struct ovsdb_error *error =
        db ? apply_updates(db, replica->exclude, rdb->theirs, updates, kind, form) : NULL;

    if (error) {
        resume_forget(replica->resume, rdb->name); // the next connection starts anew
        fail_with(replica, rdb, error);
    }
    return db && !error;
}

// `id` is a string with the id of the last transaction that was applied. The zero UUID, and
// whatever else is no id, means that the source does not know its transactions by ids.
static void set_position(struct replica *replica, const struct replicated_db *rdb, struct slice id)
{
    struct uuid txn_id;

    if (json_kind_of(id) == JSON_KIND_STRING &&
        uuid_parse(json_decode_string(id, &replica->scratch), &txn_id) &&
        !uuid_equals(txn_id, UUID_ZERO)) {
        resume_set(replica->resume, rdb->name, buf_slice(&rdb->request), txn_id);
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
        fail(replica, "the reply to monitor_cond_since is not [found, last id, updates]");
        return false;
    }
    is_found = slice_is(parts[0], "true");
    if (is_found && !resume_find(replica->resume, rdb->name, buf_slice(&rdb->request), &last)) {
        fail(replica, "the reply to monitor_cond_since says found, but no id was sent");
        return false;
    }
    if (!apply(replica, rdb, parts[2], is_found ? APPLY_CHANGES : APPLY_ALL)) {
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
                                          : apply(replica, rdb, result, APPLY_ALL)) {
        rdb->state = DB_REPLICATING;
        log_info("replicating database %s", rdb->name);
    }
}

// The database whose outstanding request has the id `id`, or NULL.
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
        fail(replica, "a reply to no request");
    }
}

// "update": [<id>, <table-updates>], "update2": [<id>, <table-updates2>],
// "update3": [<id>, <last transaction id>, <table-updates2>]. The id is the database's name.
static void on_update(struct replica *replica, struct slice params, enum monitor_method method)
{
    size_t n = method == MONITOR_COND_SINCE ? 3 : 2;
    struct slice parts[3], name;

    if (json_cut(params, parts, n) != n || json_kind_of(parts[0]) != JSON_KIND_STRING) {
        fail(replica, "an update that makes no sense");
        return;
    }
    name = json_decode_string(parts[0], &replica->scratch);
    for (size_t i = 0; i < replica->n_dbs; i++) {
        struct replicated_db *rdb = &replica->dbs[i];

        if (rdb->state == DB_REPLICATING && rdb->method == method && slice_is(name, rdb->name)) {
            if (apply(replica, rdb, parts[n - 1], APPLY_CHANGES) && n == 3) {
                set_position(replica, rdb, parts[1]);
            }
            return;
        }
    }
    fail(replica, "an update of a database that is not replicated");
}

static void on_notification(struct replica *replica, const struct message *message)
{
    static const char *const updates[] = {
        [MONITOR_COND_SINCE] = "update3", [MONITOR_COND] = "update2", [MONITOR] = "update"};

    for (enum monitor_method method = 0; method < N_MONITOR_METHODS; method++) {
        if (slice_is(message->method, updates[method])) {
            on_update(replica, message->params, method);
        }
    }
}

static void on_error(struct replica *replica, const struct message *reply)
{
    struct replicated_db *rdb = find_request(replica, reply->id);
    _cleanup_free_ char *reason = NULL;

    // Servers older than get_server_id do not know it: then nobody can say.
    if (slice_is(reply->id, "0")) {
        return;
    }
    if (rdb && rdb->state == DB_INITIAL && rdb->method != MONITOR) {
        rdb->method++;
        request_contents(replica, rdb);
        return;
    }
    reason = xasprintf("the active server refuses: " SLICE_FORMAT, SLICE_ARGS(reply->error));
    fail(replica, reason);
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
        fail(replica, error);
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
        any |= replica->dbs[i].state == DB_REPLICATING;
        if (replica->dbs[i].state < DB_REPLICATING) {
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
