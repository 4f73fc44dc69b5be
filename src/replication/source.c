// SPDX-License-Identifier: Apache-2.0
// A connection has three phases:
//
//     the monitor of _Server, or list_dbs, has not been replied to   replicas are WAITING
//     the catalog is known                                           replicas are offered schemas
//     the source violated the protocol, or is this server            everything is ignored
#include "replication/source.h"

#include "basic/hash.h"
#include "basic/htable.h"
#include "basic/log.h"
#include "replication/catalog.h"
#include "replication/replica_private.h"
#include "json/cursor.h"
#include "json/emit.h"

#include <assert.h>
#include <inttypes.h>

LOG_MODULE(replication);

#define CATALOG_MONITOR "_Server"
#define LARGE_REPLY     ((size_t)128 * 1024) // bytes, which take some milliseconds to apply

static const char *const update_methods[] = {
    [MONITOR_COND_SINCE] = "update3",
    [MONITOR_COND] = "update2",
    [MONITOR] = "update",
};
static_assert(ARRAY_SIZE(update_methods) == N_MONITOR_METHODS, "each method has notifications");

// A request that has not been replied to.
struct call {
    struct list node;
    uint64_t number;
    source_done *done; // NULL: the reply is ignored
    void *userdata;
};

struct source {
    const struct source_handler *handler;
    void *userdata;
    struct uuid own_id;
    struct list replicas;
    struct list calls;       // in the order of their requests
    struct htable by_number; // the same
    uint64_t n_calls;
    struct catalog catalog;
    bool is_connected;
    bool has_catalog;
    bool has_alternatives;
    bool has_ended; // give_up() or is_self() has been called in this connection
    struct buf scratch;
};

struct source *source_new(const struct source_handler *handler, void *userdata, struct uuid own_id)
{
    struct source *source = NEW(struct source);

    source->handler = handler;
    source->userdata = userdata;
    source->own_id = own_id;
    list_init(&source->replicas);
    list_init(&source->calls);
    return source;
}

void source_free(struct source *source)
{
    if (source) {
        assert(!source->is_connected && list_is_empty(&source->replicas));
        catalog_done(&source->catalog);
        buf_done(&source->scratch);
        htable_done(&source->by_number);
        free(source);
    }
}

// Requests

static void call_free(struct source *source, struct call *call)
{
    htable_remove(&source->by_number, hash_mix(call->number), call);
    list_remove(&call->node);
    free(call);
}

uint64_t source_request(struct source *source, const char *method, struct slice params,
                        source_done *done, void *userdata)
{
    _cleanup_buf_ struct buf message = {0}, number = {0};
    struct call *call;

    if (!source->is_connected) {
        return 0;
    }
    call = NEW(struct call);
    call->number = ++source->n_calls;
    call->done = done;
    call->userdata = userdata;
    list_push_back(&source->calls, &call->node);
    htable_insert(&source->by_number, hash_mix(call->number), call);
    emit_integer(&number, (int64_t)call->number);
    message_put_request(&message, slice_of(method), params, buf_slice(&number));
    if (!source->has_ended) {
        source->handler->send(source->userdata, buf_slice(&message));
    }
    return call->number;
}

static struct call *find_call(const struct source *source, uint64_t number)
{
    struct call *call;

    HTABLE_FOREACH_WITH_HASH(call, &source->by_number, hash_mix(number))
    {
        if (call->number == number) {
            return call;
        }
    }
    return NULL;
}

void source_cancel(struct source *source, uint64_t number)
{
    struct call *call = find_call(source, number);

    if (call) {
        call->done = NULL; // its reply is still to come
    }
}

void source_cancel_there(struct source *source, uint64_t number)
{
    _cleanup_buf_ struct buf message = {0};

    if (find_call(source, number) && !source->has_ended) {
        message_begin_notification(&message, "cancel");
        buf_printf(&message, "[%llu]}", (unsigned long long)number);
        source->handler->send(source->userdata, buf_slice(&message));
    }
}

static void call_end(struct source *source, struct call *call, const struct message *reply)
{
    source_done *done = call->done;
    void *userdata = call->userdata;

    call_free(source, call);
    if (done) {
        done(userdata, reply);
    }
}

static void source_fail(struct source *source, const char *reason)
{
    if (!source->has_ended) {
        source->has_ended = true;
        source->handler->give_up(source->userdata, reason);
    }
}

// The catalog

static void on_schema(void *userdata, const struct message *reply);

static void request_schema(struct source *source, struct catalog_entry *entry)
{
    _cleanup_buf_ struct buf params = {0};

    if (!entry->is_requested) {
        entry->is_requested = true;
        buf_putc(&params, '[');
        emit_string(&params, slice_of(entry->name));
        buf_putc(&params, ']');
        source_request(source, "get_schema", buf_slice(&params), on_schema, source);
    }
}

static struct catalog_entry *entry_of(const struct source *source, const struct replica *replica)
{
    return catalog_find(&source->catalog, slice_of(replica->name));
}

// True if another member of the cluster has shown a higher index.
static bool is_behind(const struct replica *replica, const struct catalog_entry *entry)
{
    return entry->index && uuid_equals(entry->cid, replica->cid) && entry->index < replica->index;
}

static void note_index(struct replica *replica, const struct catalog_entry *entry)
{
    if (entry->index) {
        replica->cid = entry->cid;
        replica->index = entry->index;
    }
}

static void offer_nothing_behind(struct replica *replica, const struct catalog_entry *entry)
{
    _cleanup_free_ char *reason = xasprintf("the server is behind: its index is %" PRId64
                                            ", that of another one was %" PRId64,
                                            entry->index, replica->index);

    replica_offer_nothing(replica, reason);
}

// Starts a replica with what the catalog has of its database.
static void offer_to(struct source *source, struct replica *replica)
{
    struct catalog_entry *entry = entry_of(source, replica);

    replica_set_connected(replica, entry && entry->is_connected);
    if (!source->has_catalog) {
        replica_wait(replica);
    } else if (!entry) {
        replica_offer_nothing(replica, "the active server does not have it");
    } else if (is_behind(replica, entry)) {
        offer_nothing_behind(replica, entry);
    } else if (entry->schema.size) {
        note_index(replica, entry);
        replica_offer(replica, buf_slice(&entry->schema));
    } else {
        replica_wait(replica);
        if (uuid_equals(entry->row, UUID_ZERO)) {
            request_schema(source, entry);
        }
    }
}

// Why the replica cannot use this server, or NULL.
static const char *unusable_reason(const struct source *source, const struct replica *replica)
{
    const struct catalog_entry *entry = entry_of(source, replica);

    return !entry                      ? "it does not have the database"
           : !entry->is_connected      ? "it is not connected to what the database comes from"
           : is_behind(replica, entry) ? "it is behind another server of the cluster"
                                       : NULL;
}

static void source_fail(struct source *source, const char *reason);

// Gives up a server that no replica can use, if there are others.
static void leave_unusable(struct source *source)
{
    _cleanup_free_ char *text = NULL;
    const char *reason = NULL;
    struct replica *replica;

    if (!source->has_alternatives || !source->has_catalog) {
        return;
    }
    LIST_FOREACH (replica, &source->replicas, node) {
        const char *other = unusable_reason(source, replica);

        if (!other) {
            return;
        }
        if (!reason) {
            reason = other;
            text =
                xasprintf("database %s: moving on to the next server: %s", replica->name, reason);
        }
    }
    if (reason) {
        source_fail(source, text);
    }
}

// Starts those replicas whose databases have appeared, changed their schemas or disappeared.
static void offer_changes(struct source *source)
{
    struct replica *replica, *next;

    LIST_FOREACH_SAFE (replica, next, &source->replicas, node) {
        const struct catalog_entry *entry = entry_of(source, replica);

        bool is_useful = entry && !is_behind(replica, entry);
        bool was_useful = replica->state != REPLICA_LEFT_OUT || replica->theirs;

        if (is_useful != was_useful || (is_useful && entry->has_changed_schema)) {
            offer_to(source, replica);
        } else if (entry) {
            replica_set_connected(replica, entry->is_connected);
        }
        if (is_useful) {
            note_index(replica, entry);
        }
    }
    catalog_settle(&source->catalog);
    leave_unusable(source);
}

// The reply to get_schema names the database itself.
static void on_schema(void *userdata, const struct message *reply)
{
    struct source *source = userdata;
    struct catalog_entry *entry = NULL;
    struct slice name;

    if (!reply) {
        return;
    }
    if (reply->type == MESSAGE_REPLY && json_kind_of(reply->result) == JSON_KIND_OBJECT) {
        struct slice member = json_member(reply->result, "name");

        entry = member.data && json_read_string(member, &source->scratch, &name)
                    ? catalog_find(&source->catalog, name)
                    : NULL;
    }
    if (!entry) {
        source_fail(source, "the reply to get_schema is not a schema of the database");
        return;
    }
    catalog_set_schema(entry, reply->result);
    offer_changes(source);
}

static void catalog_is_known(struct source *source)
{
    struct replica *replica, *next;

    source->has_catalog = true;
    LIST_FOREACH_SAFE (replica, next, &source->replicas, node) {
        offer_to(source, replica);
    }
    catalog_settle(&source->catalog);
    leave_unusable(source);
}

static void on_names(void *userdata, const struct message *reply)
{
    struct source *source = userdata;

    if (!reply) {
        return;
    }
    if (reply->type == MESSAGE_REPLY && catalog_add_names(&source->catalog, reply->result)) {
        catalog_is_known(source);
    } else {
        source_fail(source, "the reply to list_dbs is not an array of names");
    }
}

static void on_catalog(void *userdata, const struct message *reply)
{
    struct source *source = userdata;

    if (!reply) {
        return;
    }
    if (reply->type == MESSAGE_ERROR) { // an old server, without _Server
        source_request(source, "list_dbs", SLICE("[]"), on_names, source);
    } else if (catalog_apply(&source->catalog, reply->result)) {
        catalog_is_known(source);
    } else {
        source_fail(source, "the contents of _Server are malformed");
    }
}

static void on_server_id(void *userdata, const struct message *reply)
{
    struct source *source = userdata;
    struct slice text;
    struct uuid id;

    // Old servers do not have get_server_id. Then the id of the other server is not known.
    if (reply && reply->type == MESSAGE_REPLY &&
        json_read_string(reply->result, &source->scratch, &text) && uuid_parse(text, &id) &&
        uuid_equals(id, source->own_id) && !source->has_ended) {
        source->has_ended = true;
        source->handler->is_self(source->userdata);
    }
}

void source_connected(struct source *source)
{
    struct replica *replica;

    assert(!source->is_connected && list_is_empty(&source->calls));
    source->is_connected = true;
    source->n_calls = 0;
    LIST_FOREACH (replica, &source->replicas, node) {
        replica_wait(replica);
    }
    source_request(source, "get_server_id", SLICE("[]"), on_server_id, source);
    // A server that does not know this method disconnects its clients instead of notifying them.
    source_request(source, "set_db_change_aware", SLICE("[true]"), NULL, NULL);
    source_request(source, "monitor",
                   SLICE("[\"_Server\",\"" CATALOG_MONITOR "\",{\"Database\":[{\"columns\":["
                         "\"name\",\"schema\",\"connected\",\"cid\",\"index\"]}]}]"),
                   on_catalog, source);
}

bool source_is_usable(const struct source *source)
{
    return source->has_catalog && !source->has_ended;
}

void source_disconnected(struct source *source)
{
    struct replica *replica, *next;

    assert(source->is_connected);
    source->is_connected = source->has_catalog = source->has_ended = false;
    catalog_done(&source->catalog);
    while (!list_is_empty(&source->calls)) {
        call_end(source, LIST_FIRST(&source->calls, struct call, node), NULL);
    }
    LIST_FOREACH_SAFE (replica, next, &source->replicas, node) {
        replica_disconnected(replica);
    }
}

// Replicas

void source_add(struct source *source, struct replica *replica)
{
    assert(!replica->source && !source_has_replica_of(source, replica->name));
    replica->source = source;
    list_push_back(&source->replicas, &replica->node);
    if (source->is_connected) {
        offer_to(source, replica);
        leave_unusable(source);
    }
}

void source_set_alternatives(struct source *source, bool on)
{
    source->has_alternatives = on;
}

void source_remove(struct source *source, struct replica *replica)
{
    assert(replica->source == source);
    if (source->is_connected) {
        replica_stop(replica);
        replica_disconnected(replica);
    }
    list_remove(&replica->node);
    replica->source = NULL;
}

bool source_has_replicas(const struct source *source)
{
    return !list_is_empty(&source->replicas);
}

bool source_has_replica_of(const struct source *source, const char *name)
{
    const struct replica *replica;

    LIST_FOREACH (replica, &source->replicas, node) {
        if (!strcmp(replica->name, name)) {
            return true;
        }
    }
    return false;
}

void source_plan_run(struct source *source)
{
    source->handler->run(source->userdata);
}

bool source_run(struct source *source)
{
    struct replica *replica, *next;
    bool more = false;

    LIST_FOREACH_SAFE (replica, next, &source->replicas, node) {
        more = replica_run(replica) || more;
    }
    return more;
}

void source_plan_retry(struct source *source)
{
    source->handler->retry(source->userdata);
}

// One whose monitor the source has canceled waits with a schema.
void source_retry(struct source *source)
{
    struct replica *replica, *next;

    LIST_FOREACH_SAFE (replica, next, &source->replicas, node) {
        if (source->is_connected &&
            (replica->state == REPLICA_FAILED || replica->state == REPLICA_WAITING)) {
            offer_to(source, replica);
        }
    }
}

void source_report_self(struct source *source)
{
    struct replica *replica, *next;

    LIST_FOREACH_SAFE (replica, next, &source->replicas, node) {
        replica->handler->is_self(replica->userdata);
    }
}

// Messages

static struct replica *find_monitor(struct source *source, struct slice id)
{
    struct replica *replica;
    struct slice text;

    if (!json_read_string(id, &source->scratch, &text)) {
        return NULL;
    }
    LIST_FOREACH (replica, &source->replicas, node) {
        if (replica->monitor && slice_is(text, replica->monitor)) {
            return replica;
        }
    }
    return NULL;
}

// "update": [<id>, <table-updates>], "update2": [<id>, <table-updates2>],
// "update3": [<id>, <last transaction id>, <table-updates2>]. Updates of a monitor that has been
// canceled may still arrive.
static void on_update(struct source *source, struct slice params, enum monitor_method method)
{
    size_t n = method == MONITOR_COND_SINCE ? 3 : 2;
    struct slice parts[3], id;
    struct replica *replica;

    if (json_cut(params, parts, n) != n) {
        source_fail(source, "received a malformed update");
        return;
    }
    if (method == MONITOR && json_read_string(parts[0], &source->scratch, &id) &&
        slice_is(id, CATALOG_MONITOR)) {
        if (!source->has_catalog || !catalog_apply(&source->catalog, parts[1])) {
            source_fail(source, "received a malformed update of _Server");
        } else {
            offer_changes(source);
        }
        return;
    }
    replica = find_monitor(source, parts[0]);
    if (replica) {
        replica_update(replica, method, parts[n - 1], n == 3 ? parts[1] : SLICE_EMPTY);
    }
}

// The database has been removed, or converted: an update of _Server follows.
static void on_canceled(struct source *source, struct slice params)
{
    struct replica *replica;
    struct slice id;

    if (json_cut(params, &id, 1) == 1 && (replica = find_monitor(source, id))) {
        replica_lose_monitor(replica);
        source_plan_retry(source); // for a source that sends no update
    }
}

static void on_notification(struct source *source, const struct message *message)
{
    for (enum monitor_method method = 0; method < N_MONITOR_METHODS; method++) {
        if (slice_is(message->method, update_methods[method])) {
            on_update(source, message->params, method);
        }
    }
    if (slice_is(message->method, "monitor_canceled")) {
        on_canceled(source, message->params);
    }
}

static void on_request(struct source *source, const struct message *request)
{
    _cleanup_buf_ struct buf reply = {0};

    if (slice_is(request->method, "echo")) {
        message_put_reply(&reply, request->id, request->params);
    } else {
        message_put_error(&reply, request->id, SLICE("\"unknown method\""));
    }
    source->handler->send(source->userdata, buf_slice(&reply));
}

static void on_reply(struct source *source, const struct message *reply)
{
    struct call *call;
    uint64_t number;

    call = json_read_count(reply->id, &number) ? find_call(source, number) : NULL;
    if (call) {
        call_end(source, call, reply);
    } else {
        source_fail(source, "received a reply without a request");
    }
}

// The "id" of a message, if it comes before large members. A slice without data otherwise.
static struct slice early_id(struct slice text, struct buf *scratch)
{
    struct cursor cursor;

    if (json_kind_of(text) != JSON_KIND_OBJECT) {
        return SLICE_EMPTY;
    }
    cursor_init(&cursor, text);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, scratch);

        if (slice_is(name, "id")) {
            return cursor_skip(&cursor);
        }
        if (cursor_kind(&cursor) != JSON_KIND_NULL) {
            break;
        }
        cursor_skip(&cursor);
    }
    return SLICE_EMPTY;
}

// Gives a large reply with the contents of a database to its replica. Returns false if that is not
// possible: if it is another message.
static bool receive_contents(struct source *source, struct slice text)
{
    struct slice id = early_id(text, &source->scratch);
    struct replica *replica;
    struct buf message = {0};
    struct call *call;
    uint64_t number;

    call = json_read_count(id, &number) ? find_call(source, number) : NULL;
    if (!call || call->done != replica_contents || !replica_can_load(call->userdata)) {
        return false;
    }
    replica = call->userdata;
    call_free(source, call);
    if (source->handler->take) {
        source->handler->take(source->userdata, &message);
    } else {
        buf_put_slice(&message, text);
    }
    replica_load(replica, &message);
    return true;
}

void source_receive(struct source *source, struct slice text)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct message message;
    const char *error;

    assert(source->is_connected);
    if (source->has_ended) {
        return;
    }
    if (text.size >= LARGE_REPLY && receive_contents(source, text)) {
        return;
    }
    error = message_parse(text, &scratch, &message);
    if (error) {
        source_fail(source, error);
        return;
    }
    switch (message.type) {
    case MESSAGE_REQUEST:
        on_request(source, &message);
        break;
    case MESSAGE_NOTIFICATION:
        on_notification(source, &message);
        break;
    case MESSAGE_REPLY:
    case MESSAGE_ERROR:
        on_reply(source, &message);
        break;
    }
}
