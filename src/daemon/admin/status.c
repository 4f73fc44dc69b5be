// SPDX-License-Identifier: Apache-2.0
#include "daemon/admin/status.h"

#include "basic/log.h"
#include "basic/str.h"
#include "control/command.h"
#include "control/reply.h"
#include "daemon/configuration/tls_settings.h"
#include "daemon/parts.h"
#include "daemon/replication/relay.h"
#include "daemon/replication/sync.h"
#include "service/notify.h"
#include "service/vlog.h"

#include <string.h>

LOG_MODULE(ovsdb_server);

// The values at one moment. Pointers are borrowed: they may be compared by address, but not read,
// after the next turn of the loop.
struct status_values {
    enum sync_role role;
    size_t n_backups;
    size_t n_replicating;
    size_t n_databases;
    const char *failed;       // name of a read-only database, or NULL
    const char *failure;      // why it is read-only
    const char *full;         // name of a database whose last write failed, or NULL
    int write_error;          // why, an errno value
    const char *recovered;    // name of a database that was damaged when it was opened, or NULL
    const char *recovery;     // what was recovered
    const char *relay;        // name of a relay whose source is not connected, or NULL
    const char *relay_source; // its source
    const char *relay_error;  // why, or NULL
    const struct failure *remote_failure; // why a remote is not open, or NULL
    // Why TLS is not available or not as a database says, or NULL.
    const struct failure *tls_failure;
    int log_error; // why the log file is not open, an errno value
    size_t n_failed_remotes;
    size_t n_remotes, n_clients, n_monitors, n_waiting, n_locks;
    uint64_t n_transactions;
};

struct status {
    const struct parts *parts;
    char *reload_error;            // of the last reload, or NULL
    char *sent;                    // the line that the service manager has, or NULL
    struct status_values notified; // the values of which watchers were notified last
};

struct status *status_new(const struct parts *parts)
{
    struct status *status = NEW(struct status);

    status->parts = parts;
    return status;
}

void status_free(struct status *status)
{
    if (status) {
        free(status->reload_error);
        free(status->sent);
        free(status);
    }
}

static void take_relays(const struct parts *parts, struct status_values *values)
{
    struct relay_state relay;
    const char *name;
    size_t state = 0;

    while (databases_next_db(parts->databases, &state, &name)) {
        values->n_databases++;
        if (relay_state(parts->relays, name, &relay) && !relay.is_connected) {
            values->relay = name;
            values->relay_source = relay.source;
            values->relay_error = relay.error;
        }
    }
}

static void read_values(const struct parts *parts, struct status_values *ret)
{
    struct status_values values; // zeroed with its padding: values are compared by memcmp()
    struct server_usage usage;
    struct store *store;
    const char *name;
    size_t state = 0;

    memset(&values, 0, sizeof(values));
    take_relays(parts, &values);
    while ((store = databases_next(parts->databases, &state, &name))) {
        if (store_failure(store)) {
            values.failed = name;
            values.failure = store_failure(store);
        }
        if (store_write_error(store)) {
            values.full = name;
            values.write_error = store_write_error(store);
        }
        if (store_recovery(store)) {
            values.recovered = name;
            values.recovery = store_recovery(store);
        }
    }
    server_usage(parts->server, &usage);
    values.role = sync_role(parts->sync);
    sync_count(parts->sync, &values.n_backups, &values.n_replicating);
    values.n_remotes = remotes_count(parts->remotes);
    values.n_failed_remotes = remotes_count_failed(parts->remotes, &values.remote_failure);
    values.tls_failure = tls_settings_failure(parts->tls);
    values.log_error = vlog_file_error();
    values.n_clients = usage.n_sessions;
    values.n_monitors = usage.n_monitors;
    values.n_waiting = usage.n_triggers;
    values.n_locks = usage.n_locks;
    values.n_transactions = usage.n_transactions;
    memcpy(ret, &values, sizeof(values)); // an assignment need not copy the padding
}

// The optional members of the reply, and how they are printed.
static const struct fault {
    const char *member;
    const char *label;
} faults[] = {
    {"failure", "failure"},
    {"failed_write", "failed write"},
    {"recovery", "recovery"},
    {"failed_relay", "failed relay"},
    {"failed_remotes", "failed remotes"},
    {"tls_failure", "TLS failure"},
    {"log_failure", "log file failure"},
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
    if (!strcmp(reply_string(reply, "role"), sync_role_name(SYNC_MIXED))) {
        buf_puts(text, "backups:");
        json_array_foreach(json_object_get(reply, "backups"), i, name)
        {
            buf_printf(text, " %s", json_string_value(name));
        }
        buf_putc(text, '\n');
    }
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

// Sets an optional member; takes over `text`.
static void set_fault(json_t *reply, const char *member, char *text)
{
    json_object_set_new(reply, member, reply_text(text));
    free(text);
}

// "small: tcp:192.0.2.1:6640 is not connected: REASON". Caller frees.
static char *relay_text(const struct status_values *values)
{
    return xasprintf("%s: %s is not connected%s%s", values->relay, values->relay_source,
                     values->relay_error ? ": " : "", str_or_empty(values->relay_error));
}

static void set_faults(json_t *reply, const struct status_values *values)
{
    if (values->failed) {
        set_fault(reply, "failure", xasprintf("%s: %s", values->failed, values->failure));
    }
    if (values->full) {
        set_fault(reply, "failed_write",
                  xasprintf("%s: %s", values->full, strerror(values->write_error)));
    }
    if (values->recovered) {
        set_fault(reply, "recovery", xasprintf("%s: %s", values->recovered, values->recovery));
    }
    if (values->relay) {
        set_fault(reply, "failed_relay", relay_text(values));
    }
    if (values->n_failed_remotes) {
        set_fault(
            reply, "failed_remotes",
            xasprintf("%zu: %s", values->n_failed_remotes, failure_text(values->remote_failure)));
    }
    if (values->tls_failure) {
        set_fault(reply, "tls_failure", xstrdup(failure_text(values->tls_failure)));
    }
    if (values->log_error) {
        set_fault(reply, "log_failure", xstrdup(strerror(values->log_error)));
    }
}

static void on_status(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct status *status = userdata;
    const struct parts *parts = status->parts;
    json_t *databases = json_array(), *backups = json_array();
    struct status_values values;
    const char *name;
    json_t *reply;
    size_t state = 0;

    while (databases_next_db(parts->databases, &state, &name)) {
        json_array_append_new(databases, json_string(name));
        if (sync_has(parts->sync, name) && sync_settings(parts->sync, name).is_backup) {
            json_array_append_new(backups, json_string(name));
        }
    }
    read_values(parts, &values);
    reply =
        json_pack("{ss so so sI sI sI sI sI sI}", "role", sync_role_name(values.role), "databases",
                  databases, "backups", backups, "remotes", (json_int_t)values.n_remotes, "clients",
                  (json_int_t)values.n_clients, "monitors", (json_int_t)values.n_monitors,
                  "waiting", (json_int_t)values.n_waiting, "locks", (json_int_t)values.n_locks,
                  "transactions", (json_int_t)values.n_transactions);
    set_faults(reply, &values);
    command_reply_value(call, reply, print_status);
}

static const struct command commands[] = {
    {"ovsdb-server/status", "", 0, 0, on_status, .method = "GetStatus",
     .result = COMMAND_FIELDS(
         {"role", FIELD_STRING}, {"databases", FIELD_STRINGS}, {"backups", FIELD_STRINGS},
         {"remotes", FIELD_INTEGER}, {"clients", FIELD_INTEGER}, {"monitors", FIELD_INTEGER},
         {"waiting", FIELD_INTEGER}, {"locks", FIELD_INTEGER}, {"transactions", FIELD_INTEGER},
         {"failure", FIELD_STRING, true}, {"failed_write", FIELD_STRING, true},
         {"recovery", FIELD_STRING, true}, {"failed_relay", FIELD_STRING, true},
         {"failed_remotes", FIELD_STRING, true}, {"tls_failure", FIELD_STRING, true},
         {"log_failure", FIELD_STRING, true}),
     .reads = true},
    {NULL},
};

void status_register_command(struct command_registry *registry, struct status *status)
{
    command_register(registry, commands, status);
}

static void put_failures(struct buf *text, const struct status_values *values)
{
    if (values->relay) {
        _cleanup_free_ char *relay = relay_text(values);

        buf_printf(text, "relay %s; ", relay);
    }
    if (values->n_failed_remotes) {
        buf_printf(text, "%s", failure_text(values->remote_failure));
        if (values->n_failed_remotes > 1) {
            buf_printf(text, " (and %zu other remotes)", values->n_failed_remotes - 1);
        }
        buf_puts(text, "; ");
    }
    if (values->tls_failure) {
        buf_printf(text, "TLS: %s; ", failure_text(values->tls_failure));
    }
    if (values->log_error) {
        buf_printf(text, "the log file cannot be opened: %s; ", strerror(values->log_error));
    }
}

// The status line: faults first, then numbers. Caller frees.
static char *status_line(const struct status *status, const struct status_values *values)
{
    struct buf text = {0};

    if (values->failed) {
        buf_printf(&text, "database %s is read-only: %s; ", values->failed, values->failure);
    } else if (values->full) {
        buf_printf(&text, "database %s cannot be written: %s; ", values->full,
                   strerror(values->write_error));
    }
    if (values->recovered) {
        buf_printf(&text, "database %s was %s; ", values->recovered, values->recovery);
    }
    put_failures(&text, values);
    if (values->role == SYNC_MIXED) {
        buf_printf(&text, "backups: %zu; ", values->n_backups);
    }
    buf_printf(&text, "%sdatabases: %zu, clients: %zu, transactions: %llu",
               values->role == SYNC_BACKUP ? "backup; " : "", values->n_databases,
               values->n_clients, (unsigned long long)values->n_transactions);
    if (status->reload_error) {
        buf_printf(&text, "; not reloaded: %s", status->reload_error);
    }
    return buf_steal(&text);
}

void status_set_reload_failure(struct status *status, const struct failure *failure)
{
    free(status->reload_error);
    status->reload_error = failure ? xstrdup(failure_text(failure)) : NULL;
}

void status_send(struct status *status)
{
    _cleanup_free_ char *line = NULL;
    struct status_values values;

    read_values(status->parts, &values);
    line = status_line(status, &values);
    if (!status->sent || strcmp(status->sent, line)) {
        notify_status("%s", line);
        free(status->sent);
        status->sent = TAKE_PTR(line);
    }
}

void status_log(const struct status *status)
{
    _cleanup_free_ char *line = NULL;
    struct status_values values;

    read_values(status->parts, &values);
    line = status_line(status, &values);
    log_info("%s, remotes: %zu, monitors: %zu, waiting transactions: %zu, locks: %zu", line,
             values.n_remotes, values.n_monitors, values.n_waiting, values.n_locks);
}

void status_notify_watchers(struct status *status)
{
    struct status_values values;

    if (!command_registry_is_watched(status->parts->registry)) {
        return;
    }
    read_values(status->parts, &values);
    if (memcmp(&values, &status->notified, sizeof(values))) {
        memcpy(&status->notified, &values, sizeof(values));
        command_registry_changed(status->parts->registry);
    }
}
