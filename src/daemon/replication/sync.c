// SPDX-License-Identifier: Apache-2.0
#include "daemon/replication/sync.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "basic/str.h"
#include "control/reply.h"
#include "replication/replica.h"

#include <assert.h>
#include <string.h>

LOG_MODULE(replication);

struct sync {
    sd_event *event;
    struct server *server;
    struct databases *databases;
    struct databases_observer observer;
    struct net *clients_net; // net of the clients: has the TLS options
    char *owner;             // the configuration file that owns the role, or NULL
    char *source;            // or NULL
    struct exclude exclude;
    struct resume *resume; // where to go on after a reconnection
    bool is_backup;
    struct remote_options options; // of the connection to the source
    struct net *net;               // only in a backup
    struct remote *remote;         // only in a backup
    struct replica *replica;       // only while connected
    struct connection *connection; // only while connected
    char *failure;                 // of the last connection, or NULL
    sd_event_source *fallback;     // disconnects from a source that is this server itself
};

static void on_send(void *userdata, struct slice text)
{
    struct sync *sync = userdata;

    connection_send(sync->connection, text, 0);
}

static struct db *find_served_db(void *userdata, const char *name)
{
    struct sync *sync = userdata;
    struct store *store = databases_find(sync->databases, name);

    return store ? store_db(store) : NULL;
}

static void on_give_up(void *userdata, const char *reason)
{
    struct sync *sync = userdata;

    log_warn("%s: %s", sync->source, reason);
    free(sync->failure);
    sync->failure = xstrdup(reason);
    connection_close(sync->connection, reason);
}

static int on_fallback(sd_event_source *source, void *userdata)
{
    struct sync *sync = userdata;

    if (sync->is_backup) {
        log_warn("%s: this is the server itself, which cannot be its own backup", sync->source);
        sync_disconnect(sync);
    }
    return 0;
}

// Disconnects later: the connection must not be closed from its own callback.
static void on_self(void *userdata)
{
    struct sync *sync = userdata;

    if (!sync->fallback &&
        sd_event_add_defer(sync->event, &sync->fallback, on_fallback, sync) >= 0) {
        sd_event_source_set_description(sync->fallback, "replication from itself");
    }
    if (sync->fallback) {
        sd_event_source_set_enabled(sync->fallback, SD_EVENT_ONESHOT);
    }
}

static void on_opened(struct connection *connection)
{
    static const struct replica_handler handler = {
        .send = on_send,
        .find_db = find_served_db,
        .give_up = on_give_up,
        .is_self = on_self,
    };
    struct sync *sync = net_userdata(connection_net(connection));
    size_t state = 0;
    const char *name;

    assert(!sync->connection && !sync->replica);
    sync->connection = connection;
    connection_set_userdata(connection, sync);
    sync->replica =
        replica_new(&handler, sync, server_id(sync->server), &sync->exclude, sync->resume);
    while (databases_next(sync->databases, &state, &name)) {
        replica_add_db(sync->replica, name);
    }
    replica_start(sync->replica);
}

static void on_message(struct connection *connection, struct slice text)
{
    struct sync *sync = connection_userdata(connection);

    replica_receive(sync->replica, text);
    if (sync->failure && replica_is_replicating(sync->replica)) {
        free(TAKE_PTR(sync->failure));
    }
}

static void on_closed(struct connection *connection, const char *reason)
{
    struct sync *sync = connection_userdata(connection);

    assert(connection == sync->connection);
    replica_free(TAKE_PTR(sync->replica));
    sync->connection = NULL;
}

// Closes the connection to the source, if there is one.
static void close_connection(struct sync *sync)
{
    sync->fallback = sd_event_source_disable_unref(sync->fallback);
    free(TAKE_PTR(sync->failure));
    net_free(TAKE_PTR(sync->net)); // calls on_closed()
}

// Opens a connection to the source. NULL, or what is wrong.
static char *open_connection(struct sync *sync)
{
    static const struct net_handler handler = {
        .opened = on_opened,
        .message = on_message,
        .closed = on_closed,
    };
    struct net_limits limits = NET_LIMITS_DEFAULT;
    char *error;

    close_connection(sync);
    assert(!sync->net && !sync->replica && !sync->connection);
    sync->net = net_new(sync->event, &handler, sync);
    limits.max_message = NET_LONGEST_MESSAGE;
    net_set_limits(sync->net, &limits);
    net_share_tls(sync->net, sync->clients_net);
    error =
        failure_take_text(remote_new(sync->net, sync->source, &sync->options, NULL, &sync->remote));
    if (error) {
        close_connection(sync);
    }
    return error;
}

static void reconnect_backup(struct sync *sync)
{
    _cleanup_free_ char *error = sync->is_backup ? open_connection(sync) : NULL;

    if (error) {
        log_err("cannot connect to the active server: %s", error);
    }
}

// The replica copies the databases that exist when it starts, so a backup connects again.
static void on_databases_changed(struct databases_observer *observer, struct db *old,
                                 struct db *new)
{
    struct sync *sync = CONTAINER_OF(observer, struct sync, observer);

    resume_forget_all(sync->resume);
    reconnect_backup(sync);
}

struct sync *sync_new(sd_event *event, struct server *server, struct databases *databases,
                      struct net *net)
{
    struct sync *sync = NEW(struct sync);

    sync->event = event;
    sync->server = server;
    sync->databases = databases;
    sync->clients_net = net;
    sync->resume = resume_new();
    sync->observer.changed = on_databases_changed;
    databases_on_change(databases, &sync->observer);
    sync->options = REMOTE_OPTIONS_DEFAULT;
    return sync;
}

void sync_free(struct sync *sync)
{
    if (sync) {
        databases_observer_remove(&sync->observer);
        close_connection(sync);
        exclude_done(&sync->exclude);
        resume_free(sync->resume);
        free(sync->source);
        free(sync->owner);
        free(sync);
    }
}

void sync_set_owner(struct sync *sync, const char *file)
{
    free(sync->owner);
    sync->owner = file ? xstrdup(file) : NULL;
}

void sync_set_options(struct sync *sync, const struct remote_options *options)
{
    sync->options = *options;
    if (sync->net) {
        remote_set_options(sync->remote, options);
    }
}

char *sync_set_source(struct sync *sync, const char *target)
{
    if (!remote_target_dials(target)) {
        return xasprintf(
            "%s: not a server to connect to: unix:FILE, tcp:HOST[:PORT] or ssl:HOST[:PORT]",
            target);
    }
    free(sync->source);
    sync->source = xstrdup(target);
    reconnect_backup(sync);
    return NULL;
}

char *sync_set_exclude(struct sync *sync, const char *tables)
{
    _cleanup_buf_ struct buf before = {0}, after = {0};
    _cleanup_free_ char *bad = NULL;
    struct exclude exclude = {0};

    if (!exclude_parse(&exclude, tables, &bad)) {
        return xasprintf("\"%s\" is not of the form DB:TABLE", bad);
    }
    exclude_put(&sync->exclude, &before);
    exclude_put(&exclude, &after);
    if (!strcmp(buf_cstr(&before), buf_cstr(&after))) {
        exclude_done(&exclude);
        return NULL; // the connection stays open
    }
    close_connection(sync); // the replica uses the list
    exclude_done(&sync->exclude);
    sync->exclude = exclude;
    reconnect_backup(sync);
    return NULL;
}

bool sync_is_backup(const struct sync *sync)
{
    return sync->is_backup;
}

const char *sync_source(const struct sync *sync)
{
    return sync->source;
}

const struct remote_options *sync_options(const struct sync *sync)
{
    return &sync->options;
}

const struct exclude *sync_exclude(const struct sync *sync)
{
    return &sync->exclude;
}

char *sync_connect(struct sync *sync)
{
    char *error;

    if (!sync->source) {
        return xstrdup("there is no active server to connect to");
    }
    if (sync->is_backup) {
        return NULL;
    }
    error = open_connection(sync);
    if (!error) {
        log_event(LOG_LEVEL_INFO, MSG_ROLE_BACKUP, LOG_FIELDS({"OVSDB_REMOTE", sync->source}),
                  "backup of %s from now on", sync->source);
        sync->is_backup = true;
        server_set_backup(sync->server, true);
    }
    return error;
}

void sync_disconnect(struct sync *sync)
{
    if (sync->is_backup) {
        log_event(LOG_LEVEL_INFO, MSG_ROLE_ACTIVE, LOG_FIELDS({"OVSDB_REMOTE", sync->source}),
                  "active from now on");
        close_connection(sync);
        resume_forget_all(sync->resume); // clients may write from now on
        sync->is_backup = false;
        server_set_backup(sync->server, false);
    }
}

// Refuses to change a role that the configuration file owns. True: an error was replied.
static bool is_refused(const struct sync *sync, struct command_call *call)
{
    _cleanup_free_ char *error = NULL;

    if (sync->owner) {
        error =
            xasprintf("%s sets the role of the server: change the file and reload", sync->owner);
        command_reply_error(call, error);
    }
    return error;
}

static void on_set_source(struct command_call *call, int argc, char **argv, void *userdata)
{
    if (!is_refused(userdata, call)) {
        command_reply_outcome(call, sync_set_source(userdata, argv[1]));
    }
}

static void on_get_source(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct sync *sync = userdata;

    command_reply(call, sync->source ? sync->source : "");
}

static void on_connect(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct sync *sync = userdata;

    if (is_refused(sync, call)) {
        return;
    }
    if (!sync->source) {
        // Scripts read this text. It is no error: they would take that as a failure of the server.
        command_reply(call, "Unable to connect: active server is not specified.");
        return;
    }
    command_reply_outcome(call, sync_connect(sync));
}

static void on_disconnect(struct command_call *call, int argc, char **argv, void *userdata)
{
    if (!is_refused(userdata, call)) {
        sync_disconnect(userdata);
        command_reply(call, "");
    }
}

static void on_set_probe_interval(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct sync *sync = userdata;
    struct remote_options options;
    uint64_t ms;

    if (is_refused(sync, call)) {
        return;
    }
    if (!str_parse_number(argv[1], UINT32_MAX, &ms)) {
        _cleanup_free_ char *error =
            xasprintf("Invalid probe interval, integer value expected, from 0 to %u", UINT32_MAX);

        command_reply_error(call, error);
        return;
    }
    options = sync->options;
    options.probe_interval_ms = ms;
    sync_set_options(sync, &options);
    command_reply(call, "");
}

static void on_set_exclude(struct command_call *call, int argc, char **argv, void *userdata)
{
    if (!is_refused(userdata, call)) {
        command_reply_outcome(call, sync_set_exclude(userdata, argv[1]));
    }
}

static void on_get_exclude(struct command_call *call, int argc, char **argv, void *userdata)
{
    _cleanup_buf_ struct buf text = {0};
    struct sync *sync = userdata;

    exclude_put(&sync->exclude, &text);
    command_reply(call, buf_cstr(&text));
}

// The excluded tables of one database; NULL if there are none.
static char *excluded_of(const struct sync *sync, const char *db)
{
    size_t size = strlen(db);
    struct buf names = {0};

    for (size_t i = 0; i < sync->exclude.n_names; i++) {
        const char *name = sync->exclude.names[i];

        if (!strncmp(name, db, size) && name[size] == ':') {
            buf_printf(&names, "%s%s", names.size ? "," : "", name);
        }
    }
    return names.size ? buf_steal(&names) : NULL;
}

static void set_member(json_t *object, const char *name, const char *text)
{
    if (text) {
        json_object_set_new(object, name, reply_text(text));
    }
}

static json_t *db_status(const struct sync *sync, const char *db)
{
    json_t *status =
        json_pack("{ss ss}", "database", db, "state", sync->is_backup ? "backup" : "active");
    const char *reason = NULL;
    bool is_replicating = sync->replica && replica_db_status(sync->replica, db, &reason);
    _cleanup_free_ char *excluded = excluded_of(sync, db);

    if (sync->is_backup) {
        set_member(status, is_replicating ? "replicating" : "connecting", sync->source);
        set_member(status, "error", is_replicating || reason ? reason : sync->failure);
        set_member(status, "exclude", excluded);
    }
    return status;
}

// A block of lines for each database, separated by empty lines.
static void print_status(const json_t *reply, struct buf *text)
{
    static const char *const members[] = {"database",    "state", "connecting",
                                          "replicating", "error", "exclude"};
    const json_t *status;
    size_t i;

    json_array_foreach(json_object_get(reply, "databases"), i, status)
    {
        const char *separator = i ? "\n\n" : "";

        for (size_t j = 0; j < ARRAY_SIZE(members); j++) {
            const char *value = reply_optional_string(status, members[j]);

            if (value) {
                buf_printf(text, "%s%s: %s", separator, members[j], value);
                separator = "\n";
            }
        }
    }
}

// Replies with a record for each database, or without a source with one for the whole server.
static void on_status(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct sync *sync = userdata;
    json_t *databases = json_array();
    const char *name;
    size_t state = 0;

    while (sync->source && databases_next(sync->databases, &state, &name)) {
        json_array_append_new(databases, db_status(sync, name));
    }
    if (!json_array_size(databases)) {
        json_array_append_new(databases,
                              json_pack("{ss}", "state", sync->is_backup ? "backup" : "active"));
    }
    command_reply_value(call, json_pack("{so}", "databases", databases), print_status);
}

static const struct command commands[] = {
    {"ovsdb-server/set-active-ovsdb-server", "SERVER", 1, 1, on_set_source,
     .method = "SetActiveServer", .args = {{"server", ARG_STRING}}},
    {"ovsdb-server/get-active-ovsdb-server", "", 0, 0, on_get_source, .method = "GetActiveServer",
     .result = COMMAND_STRING("server"), .reads = true},
    {"ovsdb-server/connect-active-ovsdb-server", "", 0, 0, on_connect,
     .method = "ConnectActiveServer", .result = COMMAND_STRING("message")},
    {"ovsdb-server/disconnect-active-ovsdb-server", "", 0, 0, on_disconnect,
     .method = "DisconnectActiveServer"},
    {"ovsdb-server/set-active-ovsdb-server-probe-interval", "MS", 1, 1, on_set_probe_interval,
     .method = "SetActiveServerProbeInterval", .args = {{"milliseconds", ARG_INTEGER}}},
    {"ovsdb-server/set-sync-exclude-tables", "DB:TABLE[,DB:TABLE]...", 1, 1, on_set_exclude,
     .method = "SetSyncExcludeTables", .args = {{"tables", ARG_STRING}}},
    {"ovsdb-server/get-sync-exclude-tables", "", 0, 0, on_get_exclude,
     .method = "GetSyncExcludeTables", .result = COMMAND_STRING("tables"), .reads = true},
    {"ovsdb-server/sync-status", "", 0, 0, on_status, .method = "GetSyncStatus",
     .result =
         COMMAND_RECORDS("databases", {"database", FIELD_STRING, true}, {"state", FIELD_STRING},
                         {"connecting", FIELD_STRING, true}, {"replicating", FIELD_STRING, true},
                         {"error", FIELD_STRING, true}, {"exclude", FIELD_STRING, true}),
     .reads = true},
    {NULL},
};

void sync_register_commands(struct sync *sync, struct command_registry *registry)
{
    command_register(registry, commands, sync);
}
