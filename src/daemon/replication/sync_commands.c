// SPDX-License-Identifier: Apache-2.0
#include "daemon/replication/sync_commands.h"

#include "basic/str.h"
#include "control/reply.h"

#include <string.h>

// The name of the database in the argument `i`, or NULL: all.
static const char *database_argument(int argc, char **argv, int i)
{
    return argc > i && argv[i][0] ? argv[i] : NULL;
}

// Refuses a database that does not exist. True: an error was replied.
static bool is_unknown(const struct sync *sync, const char *db, struct command_call *call)
{
    _cleanup_free_ char *error = NULL;

    if (db && !sync_has(sync, db)) {
        error = xasprintf("no database named %s", db);
        command_reply_error(call, error);
    }
    return error;
}

// Refuses a database that does not exist, and to change settings that the configuration file owns.
// True: an error was replied.
static bool is_refused(const struct sync *sync, const char *db, struct command_call *call)
{
    _cleanup_free_ char *error = NULL;

    if (is_unknown(sync, db, call)) {
        return true;
    }
    if (sync_owner(sync, db)) {
        error = xasprintf("%s sets the role of %s%s: change the file and reload",
                          sync_owner(sync, db), db ? "database " : "the server", db ? db : "");
        command_reply_error(call, error);
    }
    return error;
}

static void on_set_source(struct command_call *call, int argc, char **argv, void *userdata)
{
    const char *db = database_argument(argc, argv, 2);

    if (!is_refused(userdata, db, call)) {
        command_reply_failure(call, sync_set_source(userdata, db, argv[1]));
    }
}

static bool all_have_source(const struct sync *sync, const char *source)
{
    const char *name = NULL;

    while ((name = sync_next(sync, name))) {
        if (!str_equals(sync_settings(sync, name).source, source)) {
            return false;
        }
    }
    return true;
}

// Replies with the source or, if the databases have different ones, with a line for each.
static void on_get_source(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct sync *sync = userdata;
    const char *db = database_argument(argc, argv, 1), *name = NULL, *source;
    _cleanup_buf_ struct buf text = {0};

    if (is_unknown(sync, db, call)) {
        return;
    }
    source = sync_settings(sync, db ? db : sync_next(sync, NULL)).source;
    if (db || all_have_source(sync, source)) {
        command_reply(call, str_or_empty(source));
        return;
    }
    while ((name = sync_next(sync, name))) {
        buf_printf(&text, "%s%s: %s", text.size ? "\n" : "", name,
                   str_or_empty(sync_settings(sync, name).source));
    }
    command_reply(call, buf_cstr(&text));
}

static bool has_source(const struct sync *sync, const char *db)
{
    const char *name = NULL;

    if (sync_settings(sync, db).source) {
        return true;
    }
    while (!db && (name = sync_next(sync, name))) {
        if (sync_settings(sync, name).source) {
            return true;
        }
    }
    return false;
}

static void on_connect(struct command_call *call, int argc, char **argv, void *userdata)
{
    const char *db = database_argument(argc, argv, 1);
    struct sync *sync = userdata;

    if (is_refused(sync, db, call)) {
        return;
    }
    if (!has_source(sync, db)) {
        // Scripts read this text. It is no error: they would take that as a failure of the server.
        command_reply(call, "Unable to connect: active server is not specified.");
        return;
    }
    command_reply_failure(call, sync_connect(sync, db));
}

static void on_disconnect(struct command_call *call, int argc, char **argv, void *userdata)
{
    const char *db = database_argument(argc, argv, 1);

    if (!is_refused(userdata, db, call)) {
        sync_disconnect(userdata, db);
        command_reply(call, "");
    }
}

static void on_set_probe_interval(struct command_call *call, int argc, char **argv, void *userdata)
{
    const char *db = database_argument(argc, argv, 2);
    struct sync *sync = userdata;
    uint64_t ms;

    if (is_refused(sync, db, call)) {
        return;
    }
    if (!str_parse_number(argv[1], UINT32_MAX, &ms)) {
        _cleanup_free_ char *error =
            xasprintf("Invalid probe interval, integer value expected, from 0 to %u", UINT32_MAX);

        command_reply_error(call, error);
        return;
    }
    sync_set_probe_interval(sync, db, ms);
    command_reply(call, "");
}

static void on_set_exclude(struct command_call *call, int argc, char **argv, void *userdata)
{
    const char *db = database_argument(argc, argv, 2);

    if (!is_refused(userdata, db, call)) {
        command_reply_failure(call, sync_set_exclude(userdata, db, argv[1]));
    }
}

static void on_get_exclude(struct command_call *call, int argc, char **argv, void *userdata)
{
    const char *db = database_argument(argc, argv, 1);
    _cleanup_buf_ struct buf text = {0};
    const struct sync *sync = userdata;

    if (is_unknown(sync, db, call)) {
        return;
    }
    if (db) {
        exclude_put_of(sync_exclude(sync), db, &text);
    } else {
        exclude_put(sync_exclude(sync), &text);
    }
    command_reply(call, buf_cstr(&text));
}

// A call of "sync-wait".
struct catching_up {
    struct command_call *call;
    size_t n_waiting; // databases, and 1 while requests are sent
    bool has_failed;
};

static void catching_up_release(struct catching_up *catching_up)
{
    catching_up->n_waiting--;
    if (catching_up->n_waiting) {
        return;
    }
    if (catching_up->has_failed) {
        command_reply_error(catching_up->call, "not all databases are replicating");
    } else {
        command_reply(catching_up->call, "");
    }
    free(catching_up);
}

static void on_caught_up(void *userdata, const struct message *reply)
{
    struct catching_up *catching_up = userdata;

    catching_up->has_failed |= !reply || reply->type != MESSAGE_REPLY;
    catching_up_release(catching_up);
}

static void catch_up(const struct sync *sync, const char *db, struct catching_up *catching_up)
{
    if (sync_catch_up(sync, db, on_caught_up, catching_up)) {
        catching_up->n_waiting++;
    } else {
        catching_up->has_failed = true;
    }
}

static void on_wait(struct command_call *call, int argc, char **argv, void *userdata)
{
    const char *db = database_argument(argc, argv, 1), *name = NULL;
    const struct sync *sync = userdata;
    struct catching_up *catching_up;

    if (is_unknown(sync, db, call)) {
        return;
    }
    catching_up = NEW(struct catching_up);
    *catching_up = (struct catching_up){.call = call, .n_waiting = 1};
    if (db) {
        catch_up(sync, db, catching_up);
    }
    while (!db && (name = sync_next(sync, name))) {
        if (sync_settings(sync, name).is_backup) {
            catch_up(sync, name, catching_up);
        }
    }
    catching_up_release(catching_up);
}

static void set_member(json_t *object, const char *name, const char *text)
{
    if (text && *text) {
        json_object_set_new(object, name, reply_text(text));
    }
}

static json_t *db_status(const struct sync *sync, const char *db)
{
    const struct sync_settings settings = sync_settings(sync, db);
    const struct sync_state state = sync_state(sync, db);
    json_t *status =
        json_pack("{ss ss}", "database", db, "state", settings.is_backup ? "backup" : "active");
    _cleanup_buf_ struct buf excluded = {0};

    exclude_put_of(sync_exclude(sync), db, &excluded);
    if (settings.is_backup) {
        set_member(status, state.is_replicating ? "replicating" : "connecting", settings.source);
        if (!str_equals(state.remote, settings.source)) {
            set_member(status, "remote", state.remote);
        }
        set_member(status, "error", state.error);
        set_member(status, "exclude", buf_cstr(&excluded));
    }
    return status;
}

// A block of lines for each database, separated by empty lines.
static void print_status(const json_t *reply, struct buf *text)
{
    static const char *const members[] = {"database", "state", "connecting", "replicating",
                                          "remote",   "error", "exclude"};
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

// Replies with a record for each database or, if there is no source at all, with one for the whole
// server.
static void on_status(struct command_call *call, int argc, char **argv, void *userdata)
{
    const char *db = database_argument(argc, argv, 1), *name = NULL;
    const struct sync *sync = userdata;
    json_t *databases;

    if (is_unknown(sync, db, call)) {
        return;
    }
    databases = json_array();
    if (db) {
        json_array_append_new(databases, db_status(sync, db));
    }
    while (!db && has_source(sync, NULL) && (name = sync_next(sync, name))) {
        json_array_append_new(databases, db_status(sync, name));
    }
    if (!json_array_size(databases)) {
        json_array_append_new(databases,
                              json_pack("{ss}", "state", sync_role_name(sync_role(sync))));
    }
    command_reply_value(call, json_pack("{so}", "databases", databases), print_status);
}

static const struct command commands[] = {
    {"ovsdb-server/set-active-ovsdb-server", "SERVER [DB]", 1, 2, on_set_source,
     .method = "SetActiveServer",
     .args = {{"server", ARG_STRING}, {"database", ARG_OPTIONAL_STRING}}},
    {"ovsdb-server/get-active-ovsdb-server", "[DB]", 0, 1, on_get_source,
     .method = "GetActiveServer", .args = {{"database", ARG_OPTIONAL_STRING}},
     .result = COMMAND_STRING("server"), .reads = true},
    {"ovsdb-server/connect-active-ovsdb-server", "[DB]", 0, 1, on_connect,
     .method = "ConnectActiveServer", .args = {{"database", ARG_OPTIONAL_STRING}},
     .result = COMMAND_STRING("message")},
    {"ovsdb-server/disconnect-active-ovsdb-server", "[DB]", 0, 1, on_disconnect,
     .method = "DisconnectActiveServer", .args = {{"database", ARG_OPTIONAL_STRING}}},
    {"ovsdb-server/set-active-ovsdb-server-probe-interval", "MS [DB]", 1, 2, on_set_probe_interval,
     .method = "SetActiveServerProbeInterval",
     .args = {{"milliseconds", ARG_INTEGER}, {"database", ARG_OPTIONAL_STRING}}},
    {"ovsdb-server/set-sync-exclude-tables", "DB:TABLE[,DB:TABLE]... [DB]", 1, 2, on_set_exclude,
     .method = "SetSyncExcludeTables",
     .args = {{"tables", ARG_STRING}, {"database", ARG_OPTIONAL_STRING}}},
    {"ovsdb-server/get-sync-exclude-tables", "[DB]", 0, 1, on_get_exclude,
     .method = "GetSyncExcludeTables", .args = {{"database", ARG_OPTIONAL_STRING}},
     .result = COMMAND_STRING("tables"), .reads = true},
    {"ovsdb-server/sync-wait", "[DB]", 0, 1, on_wait, .method = "WaitForSync",
     .args = {{"database", ARG_OPTIONAL_STRING}}},
    {"ovsdb-server/sync-status", "[DB]", 0, 1, on_status, .method = "GetSyncStatus",
     .args = {{"database", ARG_OPTIONAL_STRING}},
     .result = COMMAND_RECORDS("databases", {"database", FIELD_STRING, true},
                               {"state", FIELD_STRING}, {"connecting", FIELD_STRING, true},
                               {"replicating", FIELD_STRING, true}, {"remote", FIELD_STRING, true},
                               {"error", FIELD_STRING, true}, {"exclude", FIELD_STRING, true}),
     .reads = true},
    {NULL},
};

void sync_register_commands(struct sync *sync, struct command_registry *registry)
{
    command_register(registry, commands, sync);
}
