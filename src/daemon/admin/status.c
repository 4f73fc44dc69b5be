// SPDX-License-Identifier: Apache-2.0
#include "daemon/admin/status.h"

#include "basic/log.h"
#include "control/reply.h"
#include "daemon/daemon.h"
#include "service/notify.h"
#include "service/vlog.h"

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
    status.n_failed_remotes = remotes_count_failed(daemon->remotes, &status.remote_error);
    status.tls_error = tls_settings_error(daemon->tls);
    status.log_error = vlog_file_error();
    status.n_clients = usage.n_sessions;
    status.n_monitors = usage.n_monitors;
    status.n_waiting = usage.n_triggers;
    status.n_locks = usage.n_locks;
    status.n_transactions = usage.n_transactions;
    memcpy(ret, &status, sizeof(status));
}

// The optional members of the reply, and how they are printed.
static const struct fault {
    const char *member;
    const char *label;
} faults[] = {
    {"failure", "failure"},         {"failed_write", "failed write"},
    {"recovery", "recovery"},       {"failed_remotes", "failed remotes"},
    {"tls_failure", "TLS failure"}, {"log_failure", "log file failure"},
};

static void print_status(const json_t *reply, struct buf *text)
{
    static const char *const counts[] = {"remotes", "clients", "monitors",
                                         "waiting", "locks",   "transactions"};
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
    for (i = 0; i < ARRAY_SIZE(faults); i++) {
        const char *fault = reply_optional_string(reply, faults[i].member);

        if (fault) {
            buf_printf(text, "%s: %s\n", faults[i].label, fault);
        }
    }
}

// Sets an optional member to a text; takes over `text`.
static void set_fault(json_t *reply, const char *member, char *text)
{
    json_object_set_new(reply, member, reply_text(text));
    free(text);
}

static void set_faults(json_t *reply, const struct status *status)
{
    if (status->failed) {
        set_fault(reply, "failure", xasprintf("%s: %s", status->failed, status->failure));
    }
    if (status->full) {
        set_fault(reply, "failed_write",
                  xasprintf("%s: %s", status->full, strerror(status->write_error)));
    }
    if (status->recovered) {
        set_fault(reply, "recovery", xasprintf("%s: %s", status->recovered, status->recovery));
    }
    if (status->n_failed_remotes) {
        set_fault(reply, "failed_remotes",
                  xasprintf("%zu: %s", status->n_failed_remotes, status->remote_error));
    }
    if (status->tls_error) {
        set_fault(reply, "tls_failure", xstrdup(status->tls_error));
    }
    if (status->log_error) {
        set_fault(reply, "log_failure", xstrdup(strerror(status->log_error)));
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
    set_faults(reply, &status);
    command_reply_value(call, reply, print_status);
}

static const struct command commands[] = {
    {"ovsdb-server/status", "", 0, 0, on_status, .method = "GetStatus",
     .result = COMMAND_FIELDS(
         {"role", FIELD_STRING}, {"databases", FIELD_STRINGS}, {"remotes", FIELD_INTEGER},
         {"clients", FIELD_INTEGER}, {"monitors", FIELD_INTEGER}, {"waiting", FIELD_INTEGER},
         {"locks", FIELD_INTEGER}, {"transactions", FIELD_INTEGER}, {"failure", FIELD_STRING, true},
         {"failed_write", FIELD_STRING, true}, {"recovery", FIELD_STRING, true},
         {"failed_remotes", FIELD_STRING, true}, {"tls_failure", FIELD_STRING, true},
         {"log_failure", FIELD_STRING, true}),
     .reads = true},
    {NULL},
};

void status_register_command(struct command_registry *registry, struct daemon *daemon)
{
    command_register(registry, commands, daemon);
}

// What clients or administrators cannot use.
static void put_failures(struct buf *text, const struct status *status)
{
    if (status->n_failed_remotes) {
        buf_printf(text, "%s", status->remote_error);
        if (status->n_failed_remotes > 1) {
            buf_printf(text, " (and %zu other remotes)", status->n_failed_remotes - 1);
        }
        buf_puts(text, "; ");
    }
    if (status->tls_error) {
        buf_printf(text, "TLS: %s; ", status->tls_error);
    }
    if (status->log_error) {
        buf_printf(text, "the log file cannot be opened: %s; ", strerror(status->log_error));
    }
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
    put_failures(&text, status);
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
