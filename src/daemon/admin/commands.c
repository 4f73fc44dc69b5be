// SPDX-License-Identifier: Apache-2.0
#include "daemon/admin/commands.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "basic/str.h"
#include "config.h"
#include "control/command.h"
#include "control/reply.h"
#include "daemon/admin/status.h"
#include "daemon/cluster/clusters.h"
#include "daemon/configuration/reload.h"
#include "daemon/parts.h"
#include "service/vlog_commands.h"

#include <assert.h>
#include <string.h>

LOG_MODULE(ovsdb_server);

#define NO_SUCH_DB "Failed to find the database."

// Sends the status line and replies, after a command that changes what is served. Takes over
// `failure`, NULL for success.
static void reply_change(struct admin *admin, struct command_call *call, struct failure *failure)
{
    status_send(admin->status);
    command_reply_failure(call, failure);
}

static void on_exit_command(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct admin *admin = userdata;

    if (argc > 1 && strcmp(argv[1], "--cleanup")) {
        command_reply_error(call, "the only argument of \"exit\" is --cleanup");
        return;
    }
    command_reply(call, "");
    admin->exit(admin->userdata);
}

static void on_version(struct command_call *call, int argc, char **argv, void *userdata)
{
    command_reply(call, "ovsdb-server " OVSDBD_VERSION_TEXT);
}

static void on_add_remote(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct admin *admin = userdata;

    reply_change(admin, call,
                 remotes_add(admin->parts->remotes, argv[1], &REMOTE_SETTINGS_DEFAULT));
}

// Refuses to remove what the configuration file names. True: it does, and an error was replied.
static bool refuse_if_in_file(const struct admin *admin, struct command_call *call,
                              const char *name, bool is_named)
{
    _cleanup_free_ char *error = NULL;

    if (is_named) {
        error = xasprintf("%s is in %s: change the file and reload", name,
                          admin->parts->options->config_file);
        command_reply_error(call, error);
    }
    return is_named;
}

static bool file_has_remote(const struct admin *admin, const char *target)
{
    const struct configuration *config = &admin->parts->options->config;

    for (size_t i = 0; i < config->n_remotes_of_file; i++) {
        if (remotes_are_same(config->remotes[i].target, target)) {
            return true;
        }
    }
    return false;
}

static bool file_has_database(const struct admin *admin, const char *name)
{
    const struct configuration *config = &admin->parts->options->config;

    for (size_t i = 0; i < config->n_databases; i++) {
        const struct config_database *database = &config->databases[i];

        if (database->is_of_file &&
            str_equals(databases_name_of(admin->parts->databases, database->file), name)) {
            return true;
        }
    }
    return false;
}

static void on_remove_remote(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct admin *admin = userdata;

    if (!refuse_if_in_file(admin, call, argv[1], file_has_remote(admin, argv[1]))) {
        reply_change(admin, call,
                     remotes_remove(admin->parts->remotes, argv[1])
                         ? NULL
                         : failure_new(FAILURE_MISSING, "no such remote"));
    }
}

static void on_list_remotes(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct admin *admin = userdata;
    json_t *remotes = remotes_list(admin->parts->remotes);

    command_reply_value(call, json_pack("{so}", "remotes", remotes), reply_print_lines);
}

static void on_reconnect(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct admin *admin = userdata;

    net_reconnect(admin->parts->net);
    command_reply(call, "");
}

// A command that is replied to when its database is open.
struct add_db_call {
    struct admin *admin;
    struct command_call *call;
    char *path;
};

static void on_db_added(void *userdata, struct failure *failure)
{
    struct add_db_call *add = userdata;

    if (failure && failure_kind(failure) == FAILURE_DAMAGED) {
        log_event(LOG_LEVEL_ERR, MSG_DATABASE_DAMAGED, LOG_FIELDS({"OVSDB_FILE", add->path}), "%s",
                  failure_text(failure));
    }
    reply_change(add->admin, add->call, failure);
    free(add->path);
    free(add);
}

static void on_add_db(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct admin *admin = userdata;
    struct add_db_call *add = NEW(struct add_db_call);

    *add = (struct add_db_call){admin, call, xstrdup(argv[1])};
    databases_start_add(admin->parts->databases, argv[1], NULL,
                        admin->parts->options->recover_damaged, on_db_added, add);
}

static void on_remove_db(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct admin *admin = userdata;

    if (refuse_if_in_file(admin, call, argv[1], file_has_database(admin, argv[1]))) {
        return;
    }
    if (databases_remove(admin->parts->databases, argv[1])) {
        reply_change(admin, call, NULL);
    } else if (argv[1][0] == '_' && server_find_db(admin->parts->server, slice_of(argv[1]))) {
        command_reply_error(call, "Cannot remove reserved database.");
    } else {
        command_reply_error(call, NO_SUCH_DB);
    }
}

static void on_list_dbs(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct admin *admin = userdata;
    json_t *names = json_array();
    bool has_server_db = false; // "_Server" is in `names`
    size_t state = 0;
    const char *name;

    while (databases_next_db(admin->parts->databases, &state, &name)) {
        if (!has_server_db && strcmp(name, "_Server") > 0) {
            json_array_append_new(names, json_string("_Server"));
            has_server_db = true;
        }
        json_array_append_new(names, json_string(name));
    }
    if (!has_server_db) {
        json_array_append_new(names, json_string("_Server"));
    }
    command_reply_value(call, json_pack("{so}", "databases", names), reply_print_lines);
}

// A command that is replied to when all of its compactions have ended.
struct compact_call {
    struct command_call *call;
    size_t n_pending;        // compactions, and 1 for on_compact() until it returns
    struct failure *failure; // the first, or NULL
};

static void on_compacted(void *userdata, struct failure *failure)
{
    struct compact_call *compact = userdata;

    assert(compact->n_pending);
    failure_keep_first(&compact->failure, failure);
    if (!--compact->n_pending) {
        command_reply_failure(compact->call, compact->failure);
        free(compact);
    }
}

static void start_snapshot(struct compact_call *compact, struct clustered *clustered)
{
    compact->n_pending++;
    clustered_compact(clustered, on_compacted, compact);
}

static void start_compaction(struct admin *admin, struct compact_call *compact, const char *name)
{
    struct store *store = databases_find(admin->parts->databases, name);
    struct clustered *clustered =
        admin->parts->clusters ? clusters_find(admin->parts->clusters, name) : NULL;

    if (clustered) {
        start_snapshot(compact, clustered);
    } else if (store) {
        compact->n_pending++;
        databases_compact(admin->parts->databases, store, on_compacted, compact);
    } else {
        failure_keep_first(&compact->failure,
                           failure_new(FAILURE_MISSING, "no database by that name"));
    }
}

static void on_compact(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct admin *admin = userdata;
    struct compact_call *compact = NEW(struct compact_call);
    const struct parts *parts = admin->parts;
    size_t state = 0, cluster_state = 0;
    struct clustered *clustered;
    struct store *store;
    const char *name;

    compact->call = call;
    compact->n_pending = 1;
    for (int i = 1; i < argc && !compact->failure; i++) {
        start_compaction(admin, compact, argv[i]);
    }
    while (argc == 1 && (store = databases_next(parts->databases, &state, &name))) {
        compact->n_pending++;
        databases_compact(parts->databases, store, on_compacted, compact);
    }
    while (argc == 1 && parts->clusters &&
           (clustered = clusters_next(parts->clusters, &cluster_state))) {
        start_snapshot(compact, clustered);
    }
    on_compacted(compact, NULL);
}

static void on_memory_trim(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct admin *admin = userdata;

    if (strcmp(argv[1], "on") && strcmp(argv[1], "off")) {
        command_reply_error(call, "invalid argument");
        return;
    }
    databases_set_trim(admin->parts->databases, !strcmp(argv[1], "on"));
    command_reply(call, "");
}

static void on_column_diff_enable(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct admin *admin = userdata;

    databases_set_column_diff(admin->parts->databases, true);
    command_reply(call, "");
}

// Accepted without effect, like --disable-file-no-data-conversion: a conversion always writes data.
static void on_no_data_conversion_enable(struct command_call *call, int argc, char **argv,
                                         void *userdata)
{
    command_reply(call, "");
}

static void print_storage_status(const json_t *reply, struct buf *text)
{
    buf_printf(text, "status: %s", reply_string(reply, "status"));
}

static void on_storage_status(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct admin *admin = userdata;
    struct store *store = databases_find(admin->parts->databases, argv[1]);
    const char *failure = store ? store_check(store) : NULL;

    if (!store) {
        command_reply_error(call, NO_SUCH_DB);
        return;
    }
    status_send(admin->status);
    command_reply_value(call, json_pack("{so}", "status", reply_text(failure ? failure : "ok")),
                        print_storage_status);
}

static void on_reload(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct admin *admin = userdata;

    reload_request(admin->reload, call);
}

static void on_limits(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct admin *admin = userdata;
    struct limits taken;

    net_taken(admin->parts->net, &taken.net);
    server_taken(admin->parts->server, &taken.server);
    command_reply_value(call, client_limits_reply(&admin->parts->options->limits, &taken),
                        client_limits_print);
}

static const struct command commands[] = {
    {"exit", "[--cleanup]", 0, 1, on_exit_command, .method = "Exit"},
    {"version", "", 0, 0, on_version, .method = "GetVersion", .result = COMMAND_STRING("version"),
     .reads = true},
    {"ovsdb/file/column-diff-enable", "", 0, 0, on_column_diff_enable,
     .method = "EnableColumnDiff"},
    {"ovsdb/file/no-data-conversion-enable", "", 0, 0, on_no_data_conversion_enable,
     .method = "EnableNoDataConversion"},
    {"ovsdb-server/add-db", "DB", 1, 1, on_add_db, .method = "AddDatabase",
     .args = {{"file", ARG_STRING}}},
    {"ovsdb-server/add-remote", "REMOTE", 1, 1, on_add_remote, .method = "AddRemote",
     .args = {{"remote", ARG_STRING}}},
    {"ovsdb-server/compact", "[DB]...", 0, -1, on_compact, .method = "Compact",
     .args = {{"databases", ARG_STRINGS}}},
    {"ovsdb-server/get-db-storage-status", "DB", 1, 1, on_storage_status,
     .method = "GetStorageStatus", .args = {{"database", ARG_STRING}},
     .result = COMMAND_STRING("status"), .reads = true},
    {"ovsdb-server/limits", "", 0, 0, on_limits, .method = "GetLimits",
     .result = COMMAND_FIELDS({"limits", FIELD_RECORDS, false, client_limits_fields}),
     .reads = true},
    {"ovsdb-server/list-dbs", "", 0, 0, on_list_dbs, .method = "ListDatabases",
     .result = COMMAND_STRINGS("databases"), .reads = true},
    {"ovsdb-server/list-remotes", "", 0, 0, on_list_remotes, .method = "ListRemotes",
     .result = COMMAND_STRINGS("remotes"), .reads = true},
    {"ovsdb-server/memory-trim-on-compaction", "on|off", 1, 1, on_memory_trim,
     .method = "SetMemoryTrim", .args = {{"enabled", ARG_ON_OFF}}},
    {"ovsdb-server/reconnect", "", 0, 0, on_reconnect, .method = "Reconnect"},
    {"ovsdb-server/reload", "", 0, 0, on_reload, .method = "Reload"},
    {"ovsdb-server/remove-db", "DB", 1, 1, on_remove_db, .method = "RemoveDatabase",
     .args = {{"database", ARG_STRING}}},
    {"ovsdb-server/remove-remote", "REMOTE", 1, 1, on_remove_remote, .method = "RemoveRemote",
     .args = {{"remote", ARG_STRING}}},
    {NULL},
};

void commands_register(struct command_registry *registry, struct admin *admin)
{
    command_register(registry, commands, admin);
    vlog_commands_register(registry);
}
