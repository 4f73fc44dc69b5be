// SPDX-License-Identifier: Apache-2.0
#include "daemon/commands.h"

#include "basic/str.h"
#include "config.h"
#include "daemon/daemon.h"
#include "service/vlog_commands.h"

#include <string.h>

#define NO_SUCH_DB "Failed to find the database."

// Answers, and frees `error`, after a command that changes what is served.
static void reply_change(struct daemon *daemon, struct command_call *call, char *error)
{
    status_tell(daemon);
    command_reply_outcome(call, error);
}

static void on_exit_command(struct command_call *call, int argc, char **argv, void *userdata)
{
    if (argc > 1 && strcmp(argv[1], "--cleanup")) {
        command_reply_error(call, "the only argument of \"exit\" is --cleanup");
        return;
    }
    command_reply(call, "");
    daemon_exit(userdata, 0);
}

static void on_version(struct command_call *call, int argc, char **argv, void *userdata)
{
    command_reply(call, "ovsdb-server " OVSDBD_VERSION_TEXT);
}

static void on_add_remote(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct daemon *daemon = userdata;

    reply_change(daemon, call, remotes_add(daemon->remotes, argv[1], &REMOTE_SETTINGS_DEFAULT));
}

// True: the configuration file names it, and the command has been answered.
static bool is_of_file(const struct daemon *daemon, struct command_call *call, const char *name,
                       bool is_named)
{
    _cleanup_free_ char *error = NULL;

    if (is_named) {
        error = xasprintf("%s is in %s: change the file and reload", name,
                          daemon->options->config_file);
        command_reply_error(call, error);
    }
    return is_named;
}

static bool file_has_remote(const struct daemon *daemon, const char *target)
{
    const struct configuration *config = &daemon->options->config;

    for (size_t i = 0; i < config->n_remotes_of_file; i++) {
        if (remotes_are_same(config->remotes[i].target, target)) {
            return true;
        }
    }
    return false;
}

static bool file_has_database(const struct daemon *daemon, const char *name)
{
    const struct configuration *config = &daemon->options->config;

    for (size_t i = 0; i < config->n_databases; i++) {
        const struct config_database *database = &config->databases[i];

        if (database->is_of_file &&
            str_equals(databases_name_of(daemon->databases, database->file), name)) {
            return true;
        }
    }
    return false;
}

static void on_remove_remote(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct daemon *daemon = userdata;

    if (!is_of_file(daemon, call, argv[1], file_has_remote(daemon, argv[1]))) {
        reply_change(daemon, call,
                     remotes_remove(daemon->remotes, argv[1]) ? NULL : xstrdup("no such remote"));
    }
}

static void on_list_remotes(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct daemon *daemon = userdata;
    _cleanup_buf_ struct buf text = {0};

    remotes_list(daemon->remotes, &text);
    command_reply(call, buf_cstr(&text));
}

static void on_reconnect(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct daemon *daemon = userdata;

    net_reconnect(daemon->net);
    command_reply(call, "");
}

static void on_add_db(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct daemon *daemon = userdata;

    reply_change(daemon, call,
                 databases_add(daemon->databases, argv[1], NULL, daemon->options->recover_damaged));
}

static void on_remove_db(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct daemon *daemon = userdata;

    if (is_of_file(daemon, call, argv[1], file_has_database(daemon, argv[1]))) {
        return;
    }
    if (databases_remove(daemon->databases, argv[1])) {
        reply_change(daemon, call, NULL);
    } else if (argv[1][0] == '_' && server_find_db(daemon->server, slice_of(argv[1]))) {
        command_reply_error(call, "Cannot remove reserved database.");
    } else {
        command_reply_error(call, NO_SUCH_DB);
    }
}

static void on_list_dbs(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct daemon *daemon = userdata;
    _cleanup_buf_ struct buf text = {0};
    const char *own = "_Server\n"; // until it has been put in its place
    size_t state = 0;
    const char *name;

    while (databases_next(daemon->databases, &state, &name)) {
        if (strcmp(name, own) > 0) {
            buf_puts(&text, own);
            own = "";
        }
        buf_printf(&text, "%s\n", name);
    }
    buf_puts(&text, own);
    command_reply(call, buf_cstr(&text));
}

// Answered when all of its compactions are done.
struct compact_call {
    struct command_call *call;
    size_t n_left;
    char *error; // the first
};

static void on_compacted(void *userdata, const char *error)
{
    struct compact_call *compact = userdata;

    if (error && !compact->error) {
        compact->error = xstrdup(error);
    }
    if (!--compact->n_left) {
        command_reply_outcome(compact->call, compact->error);
        free(compact);
    }
}

static void start_compaction(struct daemon *daemon, struct compact_call *compact,
                             struct store *store)
{
    if (store) {
        compact->n_left++;
        databases_compact(daemon->databases, store, on_compacted, compact);
    } else if (!compact->error) {
        compact->error = xstrdup("no database by that name");
    }
}

static void on_compact(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct daemon *daemon = userdata;
    struct compact_call *compact = NEW(struct compact_call);
    struct store *store;
    size_t state = 0;
    const char *name;

    compact->call = call;
    compact->n_left = 1; // this function
    for (int i = 1; i < argc && !compact->error; i++) {
        start_compaction(daemon, compact, databases_find(daemon->databases, argv[i]));
    }
    while (argc == 1 && (store = databases_next(daemon->databases, &state, &name))) {
        start_compaction(daemon, compact, store);
    }
    on_compacted(compact, NULL);
}

static void on_memory_trim(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct daemon *daemon = userdata;

    if (strcmp(argv[1], "on") && strcmp(argv[1], "off")) {
        command_reply_error(call, "invalid argument");
        return;
    }
    databases_set_trim(daemon->databases, !strcmp(argv[1], "on"));
    command_reply(call, "");
}

static void on_column_diff_enable(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct daemon *daemon = userdata;

    databases_set_column_diff(daemon->databases, true);
    command_reply(call, "");
}

// See --disable-file-no-data-conversion: there is nothing to enable.
static void on_no_data_conversion_enable(struct command_call *call, int argc, char **argv,
                                         void *userdata)
{
    command_reply(call, "");
}

static void on_storage_status(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct daemon *daemon = userdata;
    struct store *store = databases_find(daemon->databases, argv[1]);
    const char *failure = store ? store_check(store) : NULL;
    _cleanup_buf_ struct buf text = {0};

    if (!store) {
        command_reply_error(call, NO_SUCH_DB);
        return;
    }
    status_tell(daemon);
    buf_printf(&text, "status: %s", failure ? failure : "ok");
    command_reply(call, buf_cstr(&text));
}

static void on_reload(struct command_call *call, int argc, char **argv, void *userdata)
{
    command_reply_outcome(call, daemon_reload(userdata));
}

static void on_limits(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct daemon *daemon = userdata;
    struct limits taken;
    _cleanup_buf_ struct buf text = {0};

    net_taken(daemon->net, &taken.net);
    server_taken(daemon->server, &taken.server);
    client_limits_put(&daemon->options->limits, &taken, &text);
    command_reply(call, buf_cstr(&text));
}

void commands_register(struct command_registry *registry, struct daemon *daemon)
{
    const struct command commands[] = {
        {"exit", "[--cleanup]", 0, 1, on_exit_command, daemon},
        {"version", "", 0, 0, on_version, daemon, .reads = true},
        {"ovsdb/file/column-diff-enable", "", 0, 0, on_column_diff_enable, daemon},
        {"ovsdb/file/no-data-conversion-enable", "", 0, 0, on_no_data_conversion_enable, daemon},
        {"ovsdb-server/add-db", "DB", 1, 1, on_add_db, daemon},
        {"ovsdb-server/add-remote", "REMOTE", 1, 1, on_add_remote, daemon},
        {"ovsdb-server/compact", "[DB]...", 0, -1, on_compact, daemon},
        {"ovsdb-server/get-db-storage-status", "DB", 1, 1, on_storage_status, daemon,
         .reads = true},
        {"ovsdb-server/limits", "", 0, 0, on_limits, daemon, .reads = true},
        {"ovsdb-server/list-dbs", "", 0, 0, on_list_dbs, daemon, .reads = true},
        {"ovsdb-server/list-remotes", "", 0, 0, on_list_remotes, daemon, .reads = true},
        {"ovsdb-server/memory-trim-on-compaction", "on|off", 1, 1, on_memory_trim, daemon},
        {"ovsdb-server/reconnect", "", 0, 0, on_reconnect, daemon},
        {"ovsdb-server/reload", "", 0, 0, on_reload, daemon},
        {"ovsdb-server/remove-db", "DB", 1, 1, on_remove_db, daemon},
        {"ovsdb-server/remove-remote", "REMOTE", 1, 1, on_remove_remote, daemon},
    };

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        command_register(registry, &commands[i]);
    }
    vlog_commands_register(registry);
}
