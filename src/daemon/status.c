// SPDX-License-Identifier: Apache-2.0
#include "daemon/status.h"

#include "basic/log.h"
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

static void on_status(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct daemon *daemon = userdata;
    _cleanup_buf_ struct buf text = {0};
    struct status status;
    const char *name;
    size_t state = 0;

    status_take(daemon, &status);
    buf_printf(&text, "role: %s\ndatabases: ", status.is_backup ? "backup" : "active");
    for (const char *separator = ""; databases_next(daemon->databases, &state, &name);) {
        buf_printf(&text, "%s%s", separator, name);
        separator = " ";
    }
    buf_printf(&text,
               "\nremotes: %zu\nclients: %zu\nmonitors: %zu\nwaiting: %zu\nlocks: %zu\n"
               "transactions: %llu\n",
               status.n_remotes, status.n_clients, status.n_monitors, status.n_waiting,
               status.n_locks, (unsigned long long)status.n_transactions);
    if (status.failed) {
        buf_printf(&text, "failure: %s: %s\n", status.failed, status.failure);
    }
    if (status.full) {
        buf_printf(&text, "failed write: %s: %s\n", status.full, strerror(status.write_error));
    }
    if (status.n_failed_remotes) {
        buf_printf(&text, "failed remotes: %zu: %s\n", status.n_failed_remotes,
                   status.remote_error);
    }
    if (status.tls_error) {
        buf_printf(&text, "TLS failure: %s\n", status.tls_error);
    }
    if (status.log_error) {
        buf_printf(&text, "log file failure: %s\n", strerror(status.log_error));
    }
    command_reply(call, buf_cstr(&text));
}

void status_register_command(struct command_registry *registry, struct daemon *daemon)
{
    command_register(registry, &(struct command){"ovsdb-server/status", "", 0, 0, on_status, daemon,
                                                 .reads = true});
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
