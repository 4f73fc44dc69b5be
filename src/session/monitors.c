// SPDX-License-Identifier: Apache-2.0
// The monitor methods (RFC 7047 4.1.5-4.1.7; protocol extensions 4.1.12-4.1.14,
// monitor_cond_since). Keeps the monitors of a session by their ids (<json-value>); src/monitor/
// does the work.
#include "basic/log.h"
#include "session/params.h"
#include "session/reply.h"
#include "session/usage.h"

#include <assert.h>

LOG_MODULE(session);

struct session_monitor {
    struct monitor monitor;
    struct session *session;
    struct served_db *sdb;
    struct text *key;     // id_key() of monitor.id
    struct text *request; // the id of the request that waits for the initial contents, or NULL
};

static struct session *session_of(struct monitor *monitor)
{
    return CONTAINER_OF(monitor, struct session_monitor, monitor)->session;
}

static bool on_may_send(struct monitor *monitor)
{
    return !session_is_slow(session_of(monitor));
}

static void on_send(struct monitor *monitor, struct slice text)
{
    const struct session_monitor *sm = CONTAINER_OF(monitor, struct session_monitor, monitor);

    sm->session->sink->send(sm->session->userdata, text, served_db_position(sm->sdb));
}

static void on_send_shared(struct monitor *monitor, struct text *text)
{
    const struct session_monitor *sm = CONTAINER_OF(monitor, struct session_monitor, monitor);

    sm->session->sink->send_shared(sm->session->userdata, text, served_db_position(sm->sdb));
}

// The result of monitor_cond_since is [<found>, <last-txn-id>, <table-updates2>], that of the other
// methods is <table-updates>.
static void reply_contents(struct session_monitor *sm, struct slice request, bool found,
                           struct uuid txn_id, const struct chunks *contents)
{
    char before[64] = "", text[UUID_TEXT_SIZE];
    bool is_since = monitor_spec(&sm->monitor)->version == MONITOR_V3;

    if (is_since) {
        snprintf(before, sizeof(before), "[%s,\"%s\",", found ? "true" : "false",
                 uuid_text(txn_id, text));
    }
    session_reply_pieces(sm->session, sm->sdb, request, before, contents, is_since ? "]" : "");
}

// Makes the session's next requests wait until the monitor has started.
static void begin_hold(struct session_monitor *sm)
{
    assert(!sm->session->starting);
    sm->session->starting = &sm->monitor;
    sm->session->sink->hold(sm->session->userdata, true);
}

static void end_hold(struct session_monitor *sm)
{
    struct session *session = sm->session;

    if (session->starting == &sm->monitor) {
        session->starting = NULL;
        session->sink->hold(session->userdata, false);
        session_wake_held_triggers(session);
    }
}

static void on_initial(struct monitor *monitor, const struct chunks *contents, struct uuid txn_id)
{
    struct session_monitor *sm = CONTAINER_OF(monitor, struct session_monitor, monitor);
    _cleanup_text_ struct text *request = TAKE_PTR(sm->request);

    assert(request);
    reply_contents(sm, text_slice(request), false, txn_id, contents);
    end_hold(sm);
}

const struct monitor_sink session_monitor_sink = {
    .initial = on_initial,
    .may_send = on_may_send,
    .send = on_send,
    .send_shared = on_send_shared,
};

static struct session_monitor *find_monitor(const struct session *session, struct slice id)
{
    _cleanup_text_ struct text *key = id_key(id);
    struct session_monitor *sm;

    HTABLE_FOREACH_WITH_HASH(sm, &session->monitors, text_hash(key))
    {
        if (slice_equals(text_slice(sm->key), text_slice(key))) {
            return sm;
        }
    }
    return NULL;
}

static struct session_monitor *session_monitor_new(struct session *session, struct served_db *sdb,
                                                   struct monitor_spec *spec, struct slice id)
{
    struct session_monitor *sm = NEW(struct session_monitor);

    sm->session = session;
    sm->sdb = sdb;
    sm->key = id_key(id);
    monitor_init(&sm->monitor, sdb->hub, spec, text_new(id));
    htable_insert(&session->monitors, text_hash(sm->key), sm);
    session->server->n_monitors++;
    log_dbg("%s: monitor %s of %s begins", session->name, sm->key->data, db_schema(sdb->db)->name);
    return sm;
}

static void session_monitor_free(struct session_monitor *sm)
{
    log_dbg("%s: monitor %s ends", sm->session->name, sm->key->data);
    htable_remove(&sm->session->monitors, text_hash(sm->key), sm);
    assert(sm->session->server->n_monitors);
    sm->session->server->n_monitors--;
    sm->session->busy += sm->monitor.usage.busy;
    monitor_done(&sm->monitor);
    text_unref(sm->key);
    text_unref(sm->request);
    end_hold(sm);
    free(sm);
}

// The params of a monitor method.
struct monitor_request {
    struct served_db *sdb;
    struct slice id;
    struct monitor_spec *spec;
    struct uuid last_txn_id; // monitor_cond_since
};

static void monitor_request_done(struct monitor_request *request)
{
    monitor_spec_free(request->spec);
}

static struct ovsdb_error *parse_last_txn_id(struct session *session, struct slice value,
                                             struct uuid *ret)
{
    if (json_kind_of(value) == JSON_KIND_STRING) {
        struct cursor cursor;

        cursor_init(&cursor, value);
        if (uuid_parse(cursor_string(&cursor, &session->server->scratch), ret)) {
            return NULL;
        }
    }
    return error_syntax(value, "<last-txn-id> must be a UUID");
}

static struct ovsdb_error *check_id(const struct session *session, struct slice id)
{
    return find_monitor(session, id) ? error_syntax(id, "duplicate monitor ID") : NULL;
}

static struct ovsdb_error *parse_monitor(struct session *session, const struct message *message,
                                         enum monitor_version version, struct monitor_request *ret)
{
    size_t n_params = version == MONITOR_V3 ? 4 : 3;
    struct ovsdb_error *error;
    struct slice params[4];
    size_t n;

    if ((error = params_database(session, message, &ret->sdb))) {
        return error;
    }
    n = json_cut(message->params, params, 4);
    if (n < n_params || (n > n_params && version != MONITOR_V1)) {
        return error_syntax(message->params,
                            SLICE_FORMAT
                            ": params must be [<db-name>, <json-value>, "
                            "<monitor-requests>%s]",
                            SLICE_ARGS(message->method), n_params == 4 ? ", <last-txn-id>" : "");
    }
    ret->id = params[1];
    if ((error = check_id(session, ret->id))) {
        return error;
    }
    if (n_params == 4 && (error = parse_last_txn_id(session, params[3], &ret->last_txn_id))) {
        return error;
    }
    return monitor_spec_parse(db_schema(ret->sdb->db), version, params[2], &ret->spec);
}

// Replies with the changes since `last_txn_id`. Returns false if the history does not have it.
static bool reply_since(struct session_monitor *sm, struct slice request, struct uuid last_txn_id)
{
    _cleanup_(chunks_done) struct chunks missed = {0};

    if (!monitor_since(&sm->monitor, last_txn_id, &missed)) {
        return false;
    }
    reply_contents(sm, request, true, hub_last_txn_id(sm->sdb->hub), &missed);
    return true;
}

static void start_monitor(struct session *session, const struct message *message,
                          enum monitor_version version, usec_t now)
{
    _cleanup_(monitor_request_done) struct monitor_request request = {0};
    struct ovsdb_error *error = parse_monitor(session, message, version, &request);
    struct session_monitor *sm;

    if (error) {
        session_reply_error(session, message->id, error);
        return;
    }
    if (session_refuse_beyond_limit(session, message->id, LIMITED_MONITORS)) {
        return;
    }
    sm = session_monitor_new(session, request.sdb, TAKE_PTR(request.spec), request.id);
    if (version == MONITOR_V3 && reply_since(sm, message->id, request.last_txn_id)) {
        return;
    }
    sm->request = text_new(message->id);
    if (!monitor_start(&sm->monitor, now)) {
        begin_hold(sm);
    }
}

void method_monitor(struct session *session, const struct message *request, usec_t now)
{
    start_monitor(session, request, MONITOR_V1, now);
}

void method_monitor_cond(struct session *session, const struct message *request, usec_t now)
{
    start_monitor(session, request, MONITOR_V2, now);
}

void method_monitor_cond_since(struct session *session, const struct message *request, usec_t now)
{
    start_monitor(session, request, MONITOR_V3, now);
}

// Applies [<json-value>, <json-value>, <monitor-cond-update-requests>].
static struct ovsdb_error *change_monitor(struct session *session, const struct message *message)
{
    struct monitor_spec *spec;
    struct session_monitor *sm;
    struct ovsdb_error *error;
    _cleanup_text_ struct text *key = NULL;
    struct slice params[3];

    if (json_cut(message->params, params, 3) != 3) {
        return error_syntax(message->params,
                            "monitor_cond_change: params must be [<json-value>, "
                            "<json-value>, <monitor-cond-update-requests>]");
    }
    sm = find_monitor(session, params[0]);
    if (!sm) {
        return error_syntax(params[0], "unknown monitor");
    }
    key = id_key(params[1]);
    if (!slice_equals(text_slice(key), text_slice(sm->key)) &&
        (error = check_id(session, params[1]))) {
        return error;
    }
    if ((error = monitor_spec_change(monitor_spec(&sm->monitor), params[2], &spec))) {
        return error;
    }
    htable_remove(&session->monitors, text_hash(sm->key), sm);
    text_unref(sm->key);
    sm->key = TAKE_PTR(key);
    htable_insert(&session->monitors, text_hash(sm->key), sm);
    monitor_change(&sm->monitor, spec, text_new(params[1]));
    return NULL;
}

void method_monitor_cond_change(struct session *session, const struct message *request, usec_t now)
{
    struct ovsdb_error *error = change_monitor(session, request);

    if (error) {
        session_reply_error(session, request->id, error);
    } else {
        session_reply(session, request->id, SLICE("{}"));
    }
}

void method_monitor_cancel(struct session *session, const struct message *request, usec_t now)
{
    struct session_monitor *sm;
    struct slice value;

    if (json_cut(request->params, &value, 1) != 1) {
        session_reply_error_text(session, request->id, "invalid parameters");
        return;
    }
    sm = find_monitor(session, value);
    if (!sm) {
        session_reply_error_text(session, request->id, "unknown monitor");
        return;
    }
    session_monitor_free(sm);
    session_reply(session, request->id, SLICE("{}"));
}

void session_check_monitors(const struct session *session)
{
    const struct session_monitor *sm;
    bool has_starting = false;

    HTABLE_FOREACH(sm, &session->monitors)
    {
        assert(sm->session == session && sm->sdb->server == session->server);
        assert(find_monitor(session, text_slice(sm->monitor.id)) == sm);
        assert(!sm->request == !sm->monitor.initial);
        has_starting |= session->starting == &sm->monitor;
    }
    assert(has_starting == (session->starting != NULL));
    assert(session->starting || list_is_empty(&session->held_triggers));
}

void session_flush_monitors(struct session *session)
{
    struct session_monitor *sm;

    HTABLE_FOREACH(sm, &session->monitors)
    {
        monitor_flush(&sm->monitor);
    }
}

void session_save_monitors(const struct session *session, struct buf *buf)
{
    const struct session_monitor *sm;
    const char *separator = "";

    buf_putc(buf, '[');
    HTABLE_FOREACH(sm, &session->monitors)
    {
        const struct monitor_spec *spec = monitor_spec(&sm->monitor);
        char id[UUID_TEXT_SIZE];

        buf_printf(buf, "%s[\"%s\",%s,%u,", separator, db_schema(sm->sdb->db)->name,
                   sm->monitor.id->data, spec->version);
        monitor_spec_put(buf, spec);
        buf_printf(buf, ",\"%s\"]", uuid_text(hub_last_txn_id(sm->sdb->hub), id));
        separator = ",";
    }
    buf_putc(buf, ']');
}

static struct ovsdb_error *parse_saved(struct session *session, struct slice saved,
                                       struct monitor_request *ret)
{
    struct buf *scratch = &session->server->scratch;
    struct ovsdb_error *error;
    struct slice parts[5], name;
    uint64_t version;

    if (json_cut(saved, parts, 5) != 5 || !json_read_count(parts[2], &version) ||
        version > MONITOR_V3 || !json_read_string(parts[0], scratch, &name)) {
        return error_syntax(saved, "not a saved monitor");
    }
    ret->sdb = server_find(session->server, name);
    if (!ret->sdb) {
        return error_syntax(saved, "its database is not served");
    }
    ret->id = parts[1];
    error = check_id(session, ret->id);
    if (!error) {
        error = parse_last_txn_id(session, parts[4], &ret->last_txn_id);
    }
    return error ? error
                 : monitor_spec_parse_saved(db_schema(ret->sdb->db), (enum monitor_version)version,
                                            parts[3], &ret->spec);
}

// Each process creates its own _Server database, with other transaction ids. If its contents have
// not changed, the monitor continues at the current one.
static bool continue_monitor(struct session_monitor *sm, struct uuid last_txn_id)
{
    struct monitor *monitor = &sm->monitor;
    bool is_same = sm->sdb->is_own && !sm->session->server->has_changed &&
                   monitor_spec_is_persistent(monitor_spec(monitor));

    return monitor_continue(monitor, is_same ? hub_last_txn_id(sm->sdb->hub) : last_txn_id);
}

bool session_restore_monitor(struct session *session, struct slice saved)
{
    _cleanup_(monitor_request_done) struct monitor_request request = {0};
    _cleanup_error_ struct ovsdb_error *error = parse_saved(session, saved, &request);
    struct session_monitor *sm;

    if (error) {
        return false;
    }
    session_add_use(session, request.sdb);
    sm = session_monitor_new(session, request.sdb, TAKE_PTR(request.spec), request.id);
    return continue_monitor(sm, request.last_txn_id);
}

void session_visit_monitors(const struct session *session,
                            void (*visit)(const struct session_monitor_usage *usage,
                                          void *userdata),
                            void *userdata)
{
    const struct session_monitor *sm;

    HTABLE_FOREACH(sm, &session->monitors)
    {
        const struct session_monitor_usage usage = {
            .database = db_schema(sm->sdb->db)->name,
            .id = text_slice(sm->monitor.id),
            .spec = monitor_spec(&sm->monitor),
            .has_started = !sm->request,
            .is_behind = sm->monitor.is_behind,
            .owed = monitor_owed(&sm->monitor),
            .sent = sm->monitor.usage,
        };

        visit(&usage, userdata);
    }
}

size_t session_owed(const struct session *session)
{
    struct session_monitor *sm;
    size_t owed = 0;

    HTABLE_FOREACH(sm, &session->monitors)
    {
        owed += monitor_owed(&sm->monitor);
    }
    return owed;
}

void session_resume_monitors(struct session *session)
{
    struct session_monitor *sm;

    HTABLE_FOREACH(sm, &session->monitors)
    {
        monitor_resume(&sm->monitor);
    }
}

void session_drop_monitors(struct session *session)
{
    while (session->monitors.n) {
        size_t state = 0;

        session_monitor_free(htable_next(&session->monitors, &state));
    }
    htable_done(&session->monitors);
}

static struct session_monitor *find_in_db(const struct session *session,
                                          const struct served_db *sdb)
{
    struct session_monitor *sm;

    HTABLE_FOREACH(sm, &session->monitors)
    {
        if (sm->sdb == sdb) {
            return sm;
        }
    }
    return NULL;
}

static void notify_canceled(const struct session_monitor *sm)
{
    _cleanup_buf_ struct buf params = {0};

    buf_putc(&params, '[');
    buf_put_slice(&params, text_slice(sm->monitor.id));
    buf_putc(&params, ']');
    session_notify(sm->session, "monitor_canceled", buf_slice(&params));
}

// Clients that did not send set_db_change_aware do not know this notification. They are
// disconnected instead, by the caller.
bool session_monitors(const struct session *session, const struct served_db *sdb)
{
    return find_in_db(session, sdb);
}

void session_cancel_monitors(struct session *session, struct served_db *sdb)
{
    struct session_monitor *sm;

    while ((sm = find_in_db(session, sdb))) {
        monitor_finish_start(&sm->monitor, 0);
        if (session->db_change_aware) {
            notify_canceled(sm);
        }
        session_monitor_free(sm);
    }
}
