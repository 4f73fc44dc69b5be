// SPDX-License-Identifier: Apache-2.0
#include "daemon/status.h"

#include "basic/log.h"
#include "control/reply.h"
#include "daemon/daemon.h"
#include "service/notify.h"

#include <string.h>

LOG_MODULE(ovsdb_server);

void status_take(const struct daemon *daemon, struct status *ret)
{
    struct status status; // compared as a whole, padding and all
    struct server_usage usage;
    struct store *store;
    const char *name;
    size_t state = 0;

    memset(&status, 0, sizeof(status));
    while ((store = databases_next(daemon->databases, &state, &name))) {
        status.n_databases++;
        if (store_failure(store)) {
            status.failed = name;
            status.failure = store_failure(store);
        }
        if (store_write_error(store)) {
            status.full = name;
            status.write_error = store_write_error(store);
        }
        if (store_recovery(store)) {
            status.recovered = name;
            status.recovery = store_recovery(store);
        }
    }
    server_usage(daemon->server, &usage);
    status.is_backup = sync_is_backup(daemon->sync);
    status.n_remotes = remotes_count(daemon->remotes);
    status.n_clients = usage.n_sessions;
    status.n_monitors = usage.n_monitors;
    status.n_waiting = usage.n_triggers;
    status.n_locks = usage.n_locks;
    status.n_transactions = usage.n_transactions;
    memcpy(ret, &status, sizeof(status));
}

static void print_status(const json_t *reply, struct buf *text)
{
    static const char *const counts[] = {"remotes", "clients", "monitors",
                                         "waiting", "locks",   "transactions"};
    const char *failure = reply_optional_string(reply, "failure");
    const char *failed_write = reply_optional_string(reply, "failed_write");
    const char *recovery = reply_optional_string(reply, "recovery");
    const json_t *name;
    size_t i;

    buf_printf(text, "role: %s\ndatabases: ", reply_string(reply, "role"));
    json_array_foreach(json_object_get(reply, "databases"), i, name)
    {
        buf_printf(text, "%s%s", i ? " " : "", json_string_value(name));
    }
    buf_putc(text, '\n');
    for (i = 0; i < ARRAY_SIZE(counts); i++) {
        buf_printf(text, "%s: %lld\n", counts[i], reply_integer(reply, counts[i]));
    }
    if (failure) {
        buf_printf(text, "failure: %s\n", failure);
    }
    if (failed_write) {
        buf_printf(text, "failed write: %s\n", failed_write);
    }
    if (recovery) {
        buf_printf(text, "recovery: %s\n", recovery);
    }
}

static void set_fault(json_t *reply, const char *member, const char *database, const char *fault)
{
    if (database) {
        _cleanup_free_ char *text = xasprintf("%s: %s", database, fault);

        json_object_set_new(reply, member, reply_text(text));
    }
}

static void on_status(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct daemon *daemon = userdata;
    json_t *databases = json_array();
    struct status status;
    const char *name;
    json_t *reply;
    size_t state = 0;

    while (databases_next(daemon->databases, &state, &name)) {
        json_array_append_new(databases, json_string(name));
    }
    status_take(daemon, &status);
    reply = json_pack("{ss so sI sI sI sI sI sI}", "role", status.is_backup ? "backup" : "active",
                      "databases", databases, "remotes", (json_int_t)status.n_remotes, "clients",
                      (json_int_t)status.n_clients, "monitors", (json_int_t)status.n_monitors,
                      "waiting", (json_int_t)status.n_waiting, "locks", (json_int_t)status.n_locks,
                      "transactions", (json_int_t)status.n_transactions);
    set_fault(reply, "failure", status.failed, status.failure);
    set_fault(reply, "failed_write", status.full, strerror(status.write_error));
    set_fault(reply, "recovery", status.recovered, status.recovery);
    command_reply_value(call, reply, print_status);
}

static const struct command commands[] = {
    {"ovsdb-server/status", "", 0, 0, on_status, .method = "GetStatus",
     .result = COMMAND_FIELDS(
         {"role", FIELD_STRING}, {"databases", FIELD_STRINGS}, {"remotes", FIELD_INTEGER},
         {"clients", FIELD_INTEGER}, {"monitors", FIELD_INTEGER}, {"waiting", FIELD_INTEGER},
         {"locks", FIELD_INTEGER}, {"transactions", FIELD_INTEGER}, {"failure", FIELD_STRING, true},
         {"failed_write", FIELD_STRING, true}, {"recovery", FIELD_STRING, true}),
     .reads = true},
    {NULL},
};

void status_register_command(struct command_registry *registry, struct daemon *daemon)
{
    command_register(registry, commands, daemon);
}

// In one line, what is wrong first.
static char *line_of(const struct daemon *daemon, const struct status *status)
{
    struct buf text = {0};

    if (status->failed) {
        buf_printf(&text, "database %s is read-only: %s; ", status->failed, status->failure);
    } else if (status->full) {
        buf_printf(&text, "database %s cannot be written: %s; ", status->full,
                   strerror(status->write_error));
    }
    if (status->recovered) {
        buf_printf(&text, "database %s was %s; ", status->recovered, status->recovery);
    }
    buf_printf(&text, "%sdatabases: %zu, clients: %zu, transactions: %llu",
               status->is_backup ? "backup; " : "", status->n_databases, status->n_clients,
               (unsigned long long)status->n_transactions);
    if (daemon->reload_error) {
        buf_printf(&text, "; not reloaded: %s", daemon->reload_error);
    }
    return buf_steal(&text);
}

void status_tell(struct daemon *daemon)
{
    _cleanup_free_ char *line = NULL;
    struct status status;

    status_take(daemon, &status);
    line = line_of(daemon, &status);
    if (!daemon->told || strcmp(daemon->told, line)) {
        notify_status("%s", line);
        free(daemon->told);
        daemon->told = TAKE_PTR(line);
    }
}

void status_log(const struct daemon *daemon)
{
    _cleanup_free_ char *line = NULL;
    struct status status;

    status_take(daemon, &status);
    line = line_of(daemon, &status);
    log_info("%s, remotes: %zu, monitors: %zu, waiting transactions: %zu, locks: %zu", line,
             status.n_remotes, status.n_monitors, status.n_waiting, status.n_locks);
}

void status_check(struct daemon *daemon)
{
    struct status status;

    if (!command_registry_is_watched(daemon->registry)) {
        return;
    }
    status_take(daemon, &status);
    if (memcmp(&status, &daemon->status, sizeof(status))) {
        daemon->status = status;
        command_registry_changed(daemon->registry);
    }
}
