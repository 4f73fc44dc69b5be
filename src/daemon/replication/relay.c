// SPDX-License-Identifier: Apache-2.0
// The first copy of a relay has no tables, and _Server shows no schema. When the schema at the
// source is known, and whenever it has changed, a new copy is made beside the served one, and is
// served when it has got the contents:
//
//     schema at the source == schema of the served copy --> the difference is applied to it
//                          != --> next copy --contents--> served copy
//
// Commits have the transaction ids of the source, so that clients can resume at another relay.
#include "daemon/replication/relay.h"

#include "basic/log.h"
#include "basic/str.h"
#include "daemon/databases/discard.h"
#include "daemon/replication/load_job.h"
#include "daemon/replication/upstream.h"
#include "engine/history.h"
#include "session/forward.h"

#include <assert.h>

LOG_MODULE(replication);

struct relay {
    struct relays *relays;
    struct list node; // relays->all
    char *name;
    char *source;
    struct remote_options options; // of the connection to the source
    struct db *db;         // the served copy, owned by `databases`; NULL: the relay is being freed
    struct db *next;       // or NULL
    bool has_schema;       // `db` has the schema of the source
    struct commit_log log; // of both copies
    struct uuid txn_id;    // of the source's transaction that is being applied
    struct replica *replica;
    struct upstream *upstream;
};

struct relays {
    struct server *server;
    struct databases *databases;
    struct upstreams *upstreams;
    struct databases_observer observer;
    uint64_t probe_interval_ms; // of relays that are added; see struct remote_options
    bool is_started;
    struct list all;
};

// A request that is forwarded.
struct request {
    struct relay *relay;
    struct trigger *trigger;
    struct upstream *upstream; // over which it was sent; ends the request before it is freed
    uint64_t number;
};

// Gives the commit the id that it has at the source. Nothing is stored. If the source has gone back
// to a transaction that is known here, because it was restarted and has lost ephemeral values or
// its last transactions, the commit gets an id of its own: the known id stands for other contents.
static struct ovsdb_error *on_append(struct commit_log *log, struct changeset *changes,
                                     bool durable, uint64_t *ret_position)
{
    const struct relay *relay = CONTAINER_OF(log, struct relay, log);
    bool is_new = !uuid_equals(relay->txn_id, UUID_ZERO) &&
                  (relay->next || !db_history_has(relay->db, relay->txn_id));

    changes->txn_id = is_new ? relay->txn_id : uuid_random();
    *ret_position = 0;
    return NULL;
}

static struct db *copy_new(struct relay *relay, struct schema *schema)
{
    struct db *db = db_new(schema, uuid_random);

    db_set_log(db, &relay->log);
    return db;
}

static bool relay_is_connected(const struct relay *relay)
{
    return replica_state(relay->replica) == REPLICA_REPLICATING &&
           replica_is_connected(relay->replica);
}

static void show_state(const struct relay *relay, bool is_connected)
{
    const struct db_state state = {.is_connected = is_connected, .has_schema = relay->has_schema};

    server_set_state(relay->relays->server, relay->db, &state);
    server_set_source_ready(relay->relays->server, relay->db, is_connected);
}

static struct db *on_find_db(void *userdata)
{
    const struct relay *relay = userdata;

    return relay->next ? relay->next : relay->db;
}

static bool has_schema(const struct db *db, const struct schema *schema)
{
    return slice_equals(text_slice(db_schema(db)->json), text_slice(schema->json));
}

// The next copy may be large.
static void drop_next(struct relay *relay)
{
    if (relay->next) {
        discard_db(TAKE_PTR(relay->next), databases_group_commit(relay->relays->databases));
    }
}

static void on_schema(void *userdata, const struct schema *schema)
{
    struct relay *relay = userdata;

    if (relay->next && has_schema(relay->next, schema)) {
        return;
    }
    if (relay->next || !relay->has_schema || !has_schema(relay->db, schema)) {
        replica_forget(relay->replica); // the contents go to another copy
    }
    drop_next(relay);
    if (!relay->has_schema || !has_schema(relay->db, schema)) {
        relay->next = copy_new(relay, (struct schema *)(uintptr_t)schema);
    }
}

static void on_applying(void *userdata, struct uuid txn_id)
{
    struct relay *relay = userdata;

    relay->txn_id = txn_id;
}

// Serves the next copy.
static void serve_next(struct relay *relay)
{
    log_info("database %s: serving it with schema version %s", relay->name,
             db_schema(relay->next)->version);
    relay->db = TAKE_PTR(relay->next);
    relay->has_schema = true;
    if (!db_tail(relay->db)->seq) { // no rows
        db_set_loaded_txn_id(relay->db, relay->txn_id);
    }
    databases_replace_copy(relay->relays->databases, relay->db);
}

static void on_replica_changed(void *userdata)
{
    struct relay *relay = userdata;

    if (!relay->db) {
        return; // it is being freed
    }
    if (relay->next && replica_state(relay->replica) == REPLICA_REPLICATING) {
        serve_next(relay);
    }
    show_state(relay, relay_is_connected(relay));
}

static void on_load(void *userdata, struct loading *loading)
{
    const struct relay *relay = userdata;

    load_job_start(databases_group_commit(relay->relays->databases), loading);
}

static void on_finish_load(void *userdata, struct loading *loading)
{
    load_job_finish(loading);
}

static bool may_replace(void *userdata)
{
    const struct relay *relay = userdata;

    return relay->next;
}

static void on_loaded(void *userdata, struct db *db)
{
    struct relay *relay = userdata;

    drop_next(relay);
    relay->next = db;
    db_set_loaded_txn_id(db, relay->txn_id);
    db_set_log(db, &relay->log);
}

static void on_self(void *userdata)
{
    const struct relay *relay = userdata;

    log_warn("database %s: its source is this server itself", relay->name);
}

// Requests

static void on_reply(void *userdata, const struct message *reply)
{
    struct request *request = userdata;
    struct trigger *trigger = request->trigger;
    struct relay *relay = request->relay;

    free(request);
    if (!reply) {
        show_state(relay, false); // before clients learn that their requests are lost
        server_forwarded(trigger, FORWARDED_LOST, SLICE_EMPTY);
    } else if (reply->type == MESSAGE_REPLY) {
        server_forwarded(trigger, FORWARDED_RESULT, reply->result);
    } else {
        server_forwarded(trigger, FORWARDED_ERROR, reply->error);
    }
}

static void *on_forward(void *userdata, const char *method, struct slice params,
                        struct trigger *trigger)
{
    struct relay *relay = userdata;
    struct request *request = NEW(struct request);

    request->relay = relay;
    request->trigger = trigger;
    request->upstream = relay->upstream;
    request->number = upstream_request(relay->upstream, method, params, on_reply, request);
    assert(request->number); // the source is ready only while there is a connection
    return request;
}

static void on_cancel(void *userdata, void *request_)
{
    const struct request *request = request_;

    upstream_cancel_there(request->upstream, request->number);
}

static void on_drop(void *userdata, void *request_)
{
    struct request *request = request_;

    upstream_cancel_there(request->upstream, request->number);
    upstream_cancel(request->upstream, request->number);
    free(request);
}

static const struct forwarder forwarder = {on_forward, on_cancel, on_drop};

// Relays

static struct relay *relay_new(struct relays *relays, struct slice name, const char *source)
{
    static const struct replica_handler handler = {
        .db = on_find_db,
        .schema = on_schema,
        .applying = on_applying,
        .changed = on_replica_changed,
        .load = on_load,
        .finish_load = on_finish_load,
        .may_replace = may_replace,
        .loaded = on_loaded,
        .is_self = on_self,
    };
    static const struct exclude nothing;
    struct relay *relay = NEW(struct relay);

    relay->relays = relays;
    relay->name = xstrndup(name.data, name.size);
    relay->source = xstrdup(source);
    relay->options = REMOTE_OPTIONS_DEFAULT;
    relay->options.probe_interval_ms = relays->probe_interval_ms;
    relay->log.append = on_append;
    positions_init(&relay->log.positions);
    relay->replica = replica_new(&handler, relay, relay->name, &nothing);
    list_push_back(&relays->all, &relay->node);
    return relay;
}

// Connects to the source.
static struct failure *relay_join(struct relay *relay)
{
    assert(!relay->upstream);
    return relay->relays->is_started
               ? upstream_join(relay->relays->upstreams, relay->source, &relay->options,
                               relay->replica, &relay->upstream)
               : NULL;
}

static void relay_leave(struct relay *relay)
{
    if (relay->upstream) {
        upstream_leave(TAKE_PTR(relay->upstream), relay->replica);
    }
}

static void relay_free(struct relay *relay)
{
    list_remove(&relay->node);
    relay->db = NULL;
    relay_leave(relay);
    replica_free(relay->replica);
    drop_next(relay);
    free(relay->source);
    free(relay->name);
    free(relay);
}

static struct relay *find_relay(const struct relays *relays, const char *name)
{
    struct relay *relay;

    LIST_FOREACH (relay, &relays->all, node) {
        if (!strcmp(relay->name, name)) {
            return relay;
        }
    }
    return NULL;
}

// Serves the database and connects. The relay is still there after a failure.
static struct failure *relay_start(struct relay *relay, const char *argument)
{
    _cleanup_schema_ struct schema *schema = databases_empty_schema(relay->name);
    struct relays *relays = relay->relays;

    if (!schema) {
        return failure_new(FAILURE_INVALID, "ovsdb error: %s: invalid syntax", argument);
    }
    relay->db = copy_new(relay, schema);
    if (!databases_add_copy(relays->databases, relay->db, argument, ROLE_RELAY)) {
        db_free(TAKE_PTR(relay->db));
        return failure_new(FAILURE_BUSY, "ovsdb error: %s: duplicate database name", relay->name);
    }
    server_set_forwarder(relays->server, relay->db, &forwarder, relay);
    show_state(relay, false);
    return relay_join(relay);
}

// Adds the relay "relay:DB:SOURCE[,SOURCE...]".
static struct failure *on_add(void *userdata, const char *argument)
{
    const char *name = argument + strlen("relay:"), *colon = strchr(name, ':');
    struct relays *relays = userdata;
    struct relay *relay;
    struct failure *failure;

    if (!colon || colon == name || !colon[1]) {
        return failure_new(FAILURE_INVALID, "ovsdb error: %s: invalid syntax", argument);
    }
    failure = upstream_check_source(colon + 1);
    if (failure) {
        return failure;
    }
    relay = relay_new(relays, (struct slice){name, (size_t)(colon - name)}, colon + 1);
    failure = relay_start(relay, argument);
    if (failure && relay->db) {
        databases_remove(relays->databases, relay->name, NULL, NULL); // frees the relay
    } else if (failure) {
        relay_free(relay);
    }
    return failure;
}

static void on_databases_changed(struct databases_observer *observer, struct db *old,
                                 struct db *new)
{
    struct relays *relays = CONTAINER_OF(observer, struct relays, observer);
    struct relay *relay = old && !new ? find_relay(relays, db_schema(old)->name) : NULL;

    if (relay && relay->db == old) {
        relay_free(relay);
    }
}

struct relays *relays_new(struct server *server, struct databases *databases,
                          struct upstreams *upstreams)
{
    struct relays *relays = NEW(struct relays);

    relays->server = server;
    relays->databases = databases;
    relays->upstreams = upstreams;
    relays->probe_interval_ms = REMOTE_OPTIONS_DEFAULT.probe_interval_ms;
    list_init(&relays->all);
    relays->observer.changed = on_databases_changed;
    databases_on_change(databases, &relays->observer);
    databases_on_add_relay(databases, on_add, relays);
    return relays;
}

// databases_free() requires that no observer is left, so the relays end first.
void relays_free(struct relays *relays)
{
    if (relays) {
        while (!list_is_empty(&relays->all)) {
            struct relay *relay = LIST_FIRST(&relays->all, struct relay, node);
            _cleanup_free_ char *name = xstrdup(relay->name);

            databases_remove(relays->databases, name, NULL, NULL);
        }
        databases_observer_remove(&relays->observer);
        free(relays);
    }
}

static void join_or_log(struct relay *relay)
{
    _cleanup_failure_ struct failure *failure = relay_join(relay);

    if (failure) {
        log_err("database %s: cannot connect to its source: %s", relay->name,
                failure_text(failure));
    }
}

void relays_start(struct relays *relays)
{
    struct relay *relay;

    assert(!relays->is_started);
    relays->is_started = true;
    LIST_FOREACH (relay, &relays->all, node) {
        join_or_log(relay);
    }
}

static void set_options(struct relay *relay, const struct remote_options *options)
{
    if (!remote_options_equal(&relay->options, options)) {
        relay->options = *options;
        relay_leave(relay);
        join_or_log(relay);
    }
}

void relays_set_options(struct relays *relays, const char *name,
                        const struct remote_options *options)
{
    struct relay *relay = find_relay(relays, name);

    if (relay) {
        set_options(relay, options);
    }
}

void relays_set_probe_interval(struct relays *relays, uint64_t ms)
{
    struct relay *relay;

    relays->probe_interval_ms = ms;
    LIST_FOREACH (relay, &relays->all, node) {
        struct remote_options options = relay->options;

        options.probe_interval_ms = ms;
        set_options(relay, &options);
    }
}

uint64_t relays_probe_interval(const struct relays *relays)
{
    return relays->probe_interval_ms;
}

bool relay_state(const struct relays *relays, const char *name, struct relay_state *ret)
{
    const struct relay *relay = find_relay(relays, name);

    if (!relay) {
        return false;
    }
    *ret = (struct relay_state){
        .source = relay->source,
        .remote = relay->upstream ? upstream_remote(relay->upstream) : relay->source,
        .is_connected = relay_is_connected(relay),
    };
    if (!ret->is_connected) {
        ret->error = replica_reason(relay->replica);
        if (!ret->error && relay->upstream) {
            ret->error = upstream_failure(relay->upstream);
        }
    }
    return true;
}

static void on_set_probe_interval(struct command_call *call, int argc, char **argv, void *userdata)
{
    uint64_t ms;

    if (!str_parse_number(argv[1], UINT32_MAX, &ms)) {
        _cleanup_free_ char *error =
            xasprintf("Invalid probe interval, integer value expected, from 0 to %u", UINT32_MAX);

        command_reply_error(call, error);
        return;
    }
    relays_set_probe_interval(userdata, ms);
    command_reply(call, "");
}

static const struct command commands[] = {
    {"ovsdb-server/set-relay-source-probe-interval", "MS", 1, 1, on_set_probe_interval,
     .method = "SetRelaySourceProbeInterval", .args = {{"milliseconds", ARG_INTEGER}}},
    {NULL},
};

void relays_register_commands(struct relays *relays, struct command_registry *registry)
{
    command_register(registry, commands, relays);
}
