// SPDX-License-Identifier: Apache-2.0
#include "daemon/admin/clients.h"

#include "basic/utf8.h"
#include "control/command.h"
#include "control/reply_table.h"
#include "net/net.h"
#include "session/server.h"
#include "session/slow_log.h"
#include "session/usage.h"

#include <string.h>
#include <time.h>

#define MAX_ID 64 // bytes of a monitor's id that are shown

static const struct command_field client_fields[] = {
    {"client", FIELD_STRING},          // the connection, as the log names it: address and port
    {"id", FIELD_STRING, true},        // certificate or identity
    {"role", FIELD_STRING, true},      // of RBAC
    {"remote", FIELD_STRING, true},    // to which it is connected
    {"uid", FIELD_INTEGER, true},      // like "pid": only of a Unix socket
    {"pid", FIELD_INTEGER, true},      //
    {"read_only", FIELD_BOOLEAN},      //
    {"since", FIELD_STRING},           // UTC
    {"requests", FIELD_INTEGER},       //
    {"transactions", FIELD_INTEGER},   // ended, including failed ones
    {"received_bytes", FIELD_INTEGER}, //
    {"sent_bytes", FIELD_INTEGER},     //
    {"queued_bytes", FIELD_INTEGER},   // output that the socket has not accepted yet
    {"owed_bytes", FIELD_INTEGER},     // memory kept for pending updates
    {"monitors", FIELD_INTEGER},       //
    {"waiting", FIELD_INTEGER},        // transactions
    {"locks", FIELD_INTEGER},          // held
    {"busy_us", FIELD_INTEGER},        // time of the engine thread
    {NULL},
};

static const struct command_field monitor_fields[] = {
    {"client", FIELD_STRING},          //
    {"client_id", FIELD_STRING, true}, //
    {"database", FIELD_STRING},        //
    {"id", FIELD_STRING},              // JSON
    {"version", FIELD_INTEGER},        // of the method: 1 monitor, 2 monitor_cond, 3 ..._since
    {"clauses", FIELD_INTEGER},        // of all its conditions
    {"state", FIELD_STRING},           // "starting", "ready", "behind"
    {"messages", FIELD_INTEGER},       // sent, like "rows" and "bytes"
    {"rows", FIELD_INTEGER},           //
    {"bytes", FIELD_INTEGER},          //
    {"owed_bytes", FIELD_INTEGER},     // memory kept for pending updates
    {"busy_us", FIELD_INTEGER},        // time of the engine thread
    {"tables", FIELD_STRINGS},         //
    {NULL},
};

static const struct command_field transaction_fields[] = {
    {"duration_us", FIELD_INTEGER},    // of its last execution
    {"waited_us", FIELD_INTEGER},      // before its last execution
    {"ended", FIELD_STRING},           // UTC
    {"client", FIELD_STRING},          //
    {"client_id", FIELD_STRING, true}, //
    {"role", FIELD_STRING, true},      //
    {"database", FIELD_STRING},        //
    {"failed", FIELD_BOOLEAN},         //
    {"request_bytes", FIELD_INTEGER},  //
    {"reply_bytes", FIELD_INTEGER},    //
    {"operations", FIELD_INTEGER},     //
    {"what", FIELD_STRING},            // operations and tables
    {NULL},
};

// Converts a time of the monotonic clock to UTC text: "2026-11-30T10:45:40.123Z".
static json_t *time_of(usec_t monotonic)
{
    usec_t age = clock_monotonic() - monotonic;
    usec_t real = clock_realtime() - age;
    time_t seconds = (time_t)(real / USEC_PER_SEC);
    char text[64];
    struct tm tm;
    size_t n;

    gmtime_r(&seconds, &tm);
    n = strftime(text, sizeof(text), "%FT%T", &tm);
    snprintf(text + n, sizeof(text) - n, ".%03uZ", (unsigned)(real % USEC_PER_SEC / USEC_PER_MSEC));
    return json_string(text);
}

static void set_text(json_t *record, const char *name, const char *text)
{
    if (text) {
        json_object_set_new(record, name, reply_text(text));
    }
}

static void set_integer(json_t *record, const char *name, uint64_t value)
{
    json_object_set_new(record, name, json_integer((json_int_t)MIN(value, (uint64_t)INT64_MAX)));
}

// The text, cut to MAX_ID bytes between UTF-8 characters, as JSON.
static json_t *shortened(struct slice text)
{
    _cleanup_free_ char *copy = NULL;
    size_t size = utf8_cut(text, MAX_ID);

    copy = xasprintf("%.*s%s", (int)size, text.data, size < text.size ? "..." : "");
    return reply_text(copy);
}

static json_t *client_record(const struct session *session)
{
    struct connection_usage connection;
    struct session_usage usage;
    json_t *record = json_object();

    session_usage(session, &usage);
    connection_usage(session_userdata(session), &connection);
    set_text(record, "client", session_name(session));
    set_text(record, "id", session_client_id(session));
    set_text(record, "role", usage.role);
    set_text(record, "remote", usage.remote);
    if (usage.peer.is_known) {
        set_integer(record, "uid", usage.peer.uid);
        set_integer(record, "pid", (uint64_t)usage.peer.pid);
    }
    json_object_set_new(record, "read_only", json_boolean(usage.read_only));
    json_object_set_new(record, "since", time_of(usage.since));
    set_integer(record, "requests", usage.n_requests);
    set_integer(record, "transactions", usage.n_transactions);
    set_integer(record, "received_bytes", connection.n_received);
    set_integer(record, "sent_bytes", connection.n_sent);
    set_integer(record, "queued_bytes", connection_backlog(session_userdata(session)));
    set_integer(record, "owed_bytes", usage.owed);
    set_integer(record, "monitors", usage.n_monitors);
    set_integer(record, "waiting", usage.n_waiting);
    set_integer(record, "locks", usage.n_locks);
    set_integer(record, "busy_us", usage.busy + connection.busy);
    return record;
}

struct monitor_collection {
    json_t *monitors;
    const struct session *session;
};

static const char *monitor_state(const struct session_monitor_usage *usage)
{
    return !usage->has_started ? "starting" : usage->is_behind ? "behind" : "ready";
}

static void add_monitor(const struct session_monitor_usage *usage, void *userdata)
{
    const struct monitor_collection *collection = userdata;
    json_t *record = json_object(), *tables = json_array();
    size_t n_clauses = 0;

    for (size_t i = 0; i < usage->spec->n_tables; i++) {
        n_clauses += usage->spec->tables[i].condition.n_clauses;
        json_array_append_new(tables, json_string(usage->spec->tables[i].table->name));
    }
    set_text(record, "client", session_name(collection->session));
    set_text(record, "client_id", session_client_id(collection->session));
    set_text(record, "database", usage->database);
    json_object_set_new(record, "id", shortened(usage->id));
    set_integer(record, "version", (uint64_t)usage->spec->version + 1);
    set_integer(record, "clauses", n_clauses);
    set_text(record, "state", monitor_state(usage));
    set_integer(record, "messages", usage->sent.n_messages);
    set_integer(record, "rows", usage->sent.n_rows);
    set_integer(record, "bytes", usage->sent.n_bytes);
    set_integer(record, "owed_bytes", usage->owed);
    set_integer(record, "busy_us", usage->sent.busy);
    json_object_set_new(record, "tables", tables);
    json_array_append_new(collection->monitors, record);
}

static json_t *transaction_record(const struct slow_transaction *transaction)
{
    json_t *record = json_object();

    set_integer(record, "duration_us", transaction->duration);
    set_integer(record, "waited_us", transaction->waited);
    json_object_set_new(record, "ended", time_of(transaction->ended));
    set_text(record, "client", transaction->client);
    set_text(record, "client_id", transaction->client_id);
    set_text(record, "role", transaction->role);
    set_text(record, "database", transaction->database);
    json_object_set_new(record, "failed", json_boolean(transaction->failed));
    set_integer(record, "request_bytes", transaction->request_size);
    set_integer(record, "reply_bytes", transaction->reply_size);
    set_integer(record, "operations", transaction->n_operations);
    set_text(record, "what", transaction->operations);
    return record;
}

// Replies with `reply`, after sorting its member `name`, a list of records, by `column` (NULL: not
// sorted). Takes over the reference to `reply`.
static void reply_sorted(struct command_call *call, json_t *reply, const char *name,
                         const struct command_field *fields, const char *column,
                         command_print *print)
{
    if (column && !reply_sort_records(json_object_get(reply, name), fields, column)) {
        _cleanup_free_ char *error = xasprintf("there is no column \"%s\" to sort by", column);

        json_decref(reply);
        command_reply_error(call, error);
    } else {
        command_reply_value(call, reply, print);
    }
}

static void print_clients(const json_t *reply, struct buf *text)
{
    reply_print_records(json_object_get(reply, "clients"), client_fields, text);
}

static void on_clients(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct server *server = userdata;
    const struct session *session = NULL;
    json_t *clients = json_array();

    while ((session = server_next_session(server, session))) {
        json_array_append_new(clients, client_record(session));
    }
    reply_sorted(call, json_pack("{so}", "clients", clients), "clients", client_fields,
                 argc > 1 ? argv[1] : NULL, print_clients);
}

static void print_monitors(const json_t *reply, struct buf *text)
{
    reply_print_records(json_object_get(reply, "monitors"), monitor_fields, text);
}

static void on_monitors(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct server *server = userdata;
    struct monitor_collection collection = {json_array(), NULL};

    while ((collection.session = server_next_session(server, collection.session))) {
        session_visit_monitors(collection.session, add_monitor, &collection);
    }
    reply_sorted(call, json_pack("{so}", "monitors", collection.monitors), "monitors",
                 monitor_fields, argc > 1 ? argv[1] : NULL, print_monitors);
}

static void print_slow_log(const json_t *reply, struct buf *text)
{
    reply_print_records(json_object_get(reply, "transactions"), transaction_fields, text);
}

static void on_slow_log(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct server *server = userdata;
    const struct slow_log_settings *settings = server_slow_log_settings(server);
    const struct slow_transaction *log;
    json_t *transactions = json_array();
    size_t n;

    log = server_slow_log(server, &n);
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(transactions, transaction_record(&log[i]));
    }
    reply_sorted(call,
                 json_pack("{sI sI so}", "size", (json_int_t)settings->size, "threshold_us",
                           (json_int_t)settings->threshold, "transactions", transactions),
                 "transactions", transaction_fields, argc > 1 ? argv[1] : NULL, print_slow_log);
}

static void on_slow_log_clear(struct command_call *call, int argc, char **argv, void *userdata)
{
    server_clear_slow_log(userdata);
    command_reply(call, "");
}

static const struct command commands[] = {
    {"ovsdb-server/clients", "[COLUMN]", 0, 1, on_clients, .method = "GetClients",
     .args = {{"sort", ARG_OPTIONAL_STRING}},
     .result = COMMAND_FIELDS({"clients", FIELD_RECORDS, false, client_fields}), .reads = true},
    {"ovsdb-server/monitors", "[COLUMN]", 0, 1, on_monitors, .method = "GetMonitors",
     .args = {{"sort", ARG_OPTIONAL_STRING}},
     .result = COMMAND_FIELDS({"monitors", FIELD_RECORDS, false, monitor_fields}), .reads = true},
    {"ovsdb-server/slow-log", "[COLUMN]", 0, 1, on_slow_log, .method = "GetSlowLog",
     .args = {{"sort", ARG_OPTIONAL_STRING}},
     .result = COMMAND_FIELDS({"size", FIELD_INTEGER}, {"threshold_us", FIELD_INTEGER},
                              {"transactions", FIELD_RECORDS, false, transaction_fields}),
     .reads = true},
    {"ovsdb-server/slow-log-clear", "", 0, 0, on_slow_log_clear, .method = "ClearSlowLog"},
    {NULL},
};

void clients_register_commands(struct command_registry *registry, struct server *server)
{
    command_register(registry, commands, server);
}
