// SPDX-License-Identifier: Apache-2.0
// The slow log is an array sorted by duration. For most transactions, slow_log_add() makes one or
// two comparisons. Only if a transaction is kept, its request is parsed again for the names of its
// operations.
#include "session/slow_log.h"

#include "basic/counter.h"
#include "model/id.h"
#include "session/internal.h"
#include "json/cursor.h"

#include <assert.h>

COUNTER(slow_transactions, "Transactions that took longer than the threshold of the slow log");

#define MAX_KINDS 8  // kinds of operations that are named
#define MAX_NAME  64 // bytes of a name

struct slow_log {
    struct slow_log_settings settings;
    struct slow_transaction *transactions; // slowest first
    size_t n;
    size_t capacity;
};

// The operations of a request that have the same name and table.
struct operation_kind {
    struct slice op;
    struct slice table; // SLICE_EMPTY: none
    size_t n;
};

struct operation_kinds {
    struct operation_kind kinds[MAX_KINDS];
    size_t n;
    size_t n_operations;
};

static void slow_transaction_done(struct slow_transaction *transaction)
{
    free(transaction->client);
    free(transaction->client_id);
    free(transaction->role);
    free(transaction->database);
    free(transaction->operations);
}

static void count_operation(struct operation_kinds *kinds, struct slice operation)
{
    struct slice op = json_member(operation, "op");
    struct slice table = json_member(operation, "table");
    size_t i = 0;

    kinds->n_operations++;
    while (i < kinds->n &&
           !(slice_equals(kinds->kinds[i].op, op) && slice_equals(kinds->kinds[i].table, table))) {
        i++;
    }
    if (i == MAX_KINDS) {
        return;
    }
    if (i == kinds->n) {
        kinds->kinds[kinds->n++] = (struct operation_kind){op, table, 0};
    }
    kinds->kinds[i].n++;
}

// Counts the operations by kind. The params begin with the name of a database; the rest may be any
// JSON values.
static void count_operations(struct slice params, struct operation_kinds *ret)
{
    struct cursor cursor;

    *ret = (struct operation_kinds){0};
    cursor_init(&cursor, params);
    if (cursor_kind(&cursor) != JSON_KIND_ARRAY || !cursor_enter(&cursor)) {
        return;
    }
    cursor_skip(&cursor);
    while (cursor_more(&cursor)) {
        count_operation(ret, cursor_skip(&cursor));
    }
}

// Writes a name, or "?" if `value` is not a valid name.
static void put_name(struct buf *text, struct slice value)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct slice name;

    if (!json_read_string(value, &scratch, &name) || !id_is_valid(name)) {
        buf_putc(text, '?');
    } else {
        buf_put(text, name.data, MIN(name.size, (size_t)MAX_NAME));
    }
}

static char *describe_operations(const struct operation_kinds *kinds)
{
    struct buf text = {0};
    size_t n = 0;

    for (size_t i = 0; i < kinds->n; i++) {
        const struct operation_kind *kind = &kinds->kinds[i];

        buf_puts(&text, i ? ", " : "");
        put_name(&text, kind->op);
        if (kind->table.data) {
            buf_putc(&text, ' ');
            put_name(&text, kind->table);
        }
        if (kind->n > 1) {
            buf_printf(&text, " (%zu)", kind->n);
        }
        n += kind->n;
    }
    buf_puts(&text, n < kinds->n_operations ? ", ..." : "");
    return buf_steal(&text);
}

static void slow_log_truncate(struct slow_log *log, size_t n)
{
    while (log->n > n) {
        slow_transaction_done(&log->transactions[--log->n]);
    }
}

void slow_log_add(struct session *session, const struct slow_run *run)
{
    struct slow_log *log = session->server->slow_log;
    struct operation_kinds kinds;
    size_t i = log->n;

    if (run->duration < log->settings.threshold) {
        return;
    }
    COUNT(slow_transactions);
    while (i && log->transactions[i - 1].duration < run->duration) {
        i--;
    }
    assert(log->n <= log->settings.size);
    if (i == log->settings.size) {
        return;
    }
    slow_log_truncate(log, log->settings.size - 1);
    GROW(log->transactions, log->n, log->capacity);
    memmove(&log->transactions[i + 1], &log->transactions[i],
            (log->n - i) * sizeof(log->transactions[0]));
    log->n++;
    count_operations(run->params, &kinds);
    log->transactions[i] = (struct slow_transaction){
        .ended = server_clock(session->server),
        .duration = run->duration,
        .waited = run->waited,
        .client = xstrdup(session->name),
        .client_id = session->client_id ? xstrdup(session->client_id) : NULL,
        .role = session->role ? xstrdup(session->role) : NULL,
        .database = xstrdup(run->database),
        .operations = describe_operations(&kinds),
        .n_operations = kinds.n_operations,
        .request_size = run->params.size,
        .reply_size = run->reply_size,
        .failed = run->failed,
    };
}

struct slow_log *slow_log_new(void)
{
    struct slow_log *log = NEW(struct slow_log);

    log->settings = SLOW_LOG_SETTINGS_DEFAULT;
    return log;
}

void slow_log_free(struct slow_log *log)
{
    if (log) {
        slow_log_truncate(log, 0);
        free(log->transactions);
        free(log);
    }
}

void server_set_slow_log(struct server *server, const struct slow_log_settings *settings)
{
    struct slow_log *log = server->slow_log;
    size_t n = MIN(log->n, settings->size);

    assert(settings->size <= SLOW_LOG_MAX_SIZE);
    while (n && log->transactions[n - 1].duration < settings->threshold) {
        n--;
    }
    slow_log_truncate(log, n);
    log->settings = *settings;
}

const struct slow_log_settings *server_slow_log_settings(const struct server *server)
{
    return &server->slow_log->settings;
}

const struct slow_transaction *server_slow_log(const struct server *server, size_t *ret_n)
{
    *ret_n = server->slow_log->n;
    return server->slow_log->transactions;
}

void server_clear_slow_log(struct server *server)
{
    slow_log_truncate(server->slow_log, 0);
}
