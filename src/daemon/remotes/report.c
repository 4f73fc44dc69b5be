// SPDX-License-Identifier: Apache-2.0
#include "daemon/remotes/report.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

static const char prefix_of_seconds[] = "sec_";

static void add_status(struct remote_report *report, const char *key, const char *format, ...)
    PRINTF_FORMAT(3, 4);

static void add_status(struct remote_report *report, const char *key, const char *format, ...)
{
    va_list args;

    assert(report->n < REMOTE_REPORT_MAX);
    va_start(args, format);
    report->status[report->n].key = key;
    report->status[report->n++].value = xvasprintf(format, args);
    va_end(args);
}

// A listener reports 0 before its first client, as other OVSDB servers do; a connector reports
// nothing before its first connection.
static void add_seconds(struct remote_report *report, const char *key, bool is_listener,
                        usec_t since, usec_t now)
{
    if (since || is_listener) {
        add_status(report, key, "%llu",
                   since ? (unsigned long long)((now - since) / USEC_PER_SEC) : 0ull);
    }
}

static void add_locks(struct remote_report *report, const struct session *session)
{
    static const char *const keys[] = {
        [LOCKS_HELD] = "locks_held",
        [LOCKS_WAITING] = "locks_waiting",
        [LOCKS_LOST] = "locks_lost",
    };

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        _cleanup_buf_ struct buf names = {0};

        session_put_locks(session, (enum lock_state)i, &names);
        if (names.size) {
            add_status(report, keys[i], "%s", buf_cstr(&names));
        }
    }
}

// The text may quote bytes of the peer and be cut within a character. The column must hold UTF-8,
// so all but ASCII is replaced.
static void add_error(struct remote_report *report, const char *error)
{
    char *value;

    if (!*error) {
        return;
    }
    add_status(report, "last_error", "%s", error);
    value = report->status[report->n - 1].value;
    for (char *c = value; *c; c++) {
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
}

// The state to report, or NULL. A connector that failed before stays in BACKOFF while it connects,
// so that repeated attempts do not change the report.
static const char *state_to_report(const struct remote_status *status)
{
    if (!strcmp(status->state, "CONNECTING") && *status->last_error) {
        return "BACKOFF";
    }
    if (!strcmp(status->state, "LISTENING")) {
        return NULL; // other OVSDB servers do not report it
    }
    return status->is_connected ? "ACTIVE" : status->state;
}

void remote_report_init(struct remote_report *report, const struct remote *remote,
                        const char *error, usec_t now)
{
    struct remote_status status = {.state = "VOID"};
    const struct connection *connection = NULL;

    if (remote) {
        remote_status(remote, &status);
        connection = remote_connection(remote);
        error = status.last_error;
    }
    *report = (struct remote_report){.is_connected = status.is_connected};
    if (state_to_report(&status)) {
        add_status(report, "state", "%s", state_to_report(&status));
    }
    add_error(report, error);
    add_seconds(report, "sec_since_connect", status.is_listener, status.last_connected, now);
    add_seconds(report, "sec_since_disconnect", status.is_listener, status.last_disconnected, now);
    if (connection && connection_userdata(connection)) {
        add_locks(report, connection_userdata(connection));
    }
    if (status.n_connections > 1) {
        add_status(report, "n_connections", "%u", status.n_connections);
    }
    if (remote && remote_bound_port(remote)) {
        add_status(report, "bound_port", "%u", remote_bound_port(remote));
    }
}

void remote_report_done(struct remote_report *report)
{
    for (size_t i = 0; i < report->n; i++) {
        free(report->status[i].value);
    }
}

static bool is_timeless(const char *key)
{
    return strncmp(key, prefix_of_seconds, strlen(prefix_of_seconds));
}

static const char *find_status(const struct remote_report *report, const char *key)
{
    for (size_t i = 0; i < report->n; i++) {
        if (!strcmp(report->status[i].key, key)) {
            return report->status[i].value;
        }
    }
    return NULL;
}

// The column "is_connected", a boolean or an optional one, if it can hold the value.
static const struct column *connected_column(const struct row *row)
{
    const struct column *column = table_schema_find_column(row->table, SLICE("is_connected"));

    return column && column->is_mutable && column->type.n_max == 1 && !type_is_map(&column->type) &&
                   column->type.key.type == ATOM_BOOLEAN && !column->type.key.enumeration
               ? column
               : NULL;
}

static bool is_any_string(const struct base_type *base)
{
    return base->type == ATOM_STRING && !base->enumeration && !base->string.min &&
           base->string.max == UINT32_MAX;
}

// The column "status", a map of strings, if it can hold the values.
static const struct column *status_column(const struct row *row)
{
    const struct column *column = table_schema_find_column(row->table, SLICE("status"));

    return column && column->is_mutable && is_any_string(&column->type.key) &&
                   is_any_string(&column->type.value) && !column->type.n_min &&
                   column->type.n_max >= REMOTE_REPORT_MAX
               ? column
               : NULL;
}

// Whether the keys differ, or a value that is not a number of seconds.
static bool is_status_news(const struct remote_report *report, const struct row *row,
                           const struct column *column)
{
    union datum datum = row_get(row, column);
    struct elems_cursor cursor;

    for (datum_start(&datum, &column->type, &cursor); cursor.key; elems_next(&cursor)) {
        const char *key = cursor.key->string->data;
        const char *value = find_status(report, key);

        if (!value || (is_timeless(key) && strcmp(value, cursor.value->string->data))) {
            return true;
        }
    }
    return datum_n(datum, &column->type) != report->n;
}

static union datum connected_datum(const struct remote_report *report, const struct type *type)
{
    const union atom atom = {.boolean = report->is_connected};

    return datum_from_sorted(type, &atom, NULL, 1);
}

static bool is_connected_news(const struct remote_report *report, const struct row *row,
                              const struct column *column)
{
    union datum datum = connected_datum(report, &column->type);
    bool is_news = !datum_equals(row_get(row, column), datum, &column->type);

    datum_done(datum, &column->type);
    return is_news;
}

bool remote_report_is_news(const struct remote_report *report, const struct row *row)
{
    const struct column *connected = connected_column(row);
    const struct column *status = status_column(row);

    return (connected && is_connected_news(report, row, connected)) ||
           (status && is_status_news(report, row, status));
}

static union datum status_datum(const struct remote_report *report, const struct type *type)
{
    union atom keys[REMOTE_REPORT_MAX], values[REMOTE_REPORT_MAX];
    struct ovsdb_error *error;
    union datum datum;

    for (size_t i = 0; i < report->n; i++) {
        keys[i].string = text_share(slice_of(report->status[i].key));
        values[i].string = text_new(slice_of(report->status[i].value));
    }
    error = datum_build(type, keys, values, (uint32_t)report->n, &datum);
    assert(!error); // the keys differ from each other, and the values are UTF-8
    return datum;
}

void remote_report_write(const struct remote_report *report, struct row *row)
{
    const struct column *connected = connected_column(row);
    const struct column *status = status_column(row);

    if (connected) {
        row_set(row, connected, connected_datum(report, &connected->type));
    }
    if (status) {
        row_set(row, status, status_datum(report, &status->type));
    }
}
