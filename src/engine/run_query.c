// SPDX-License-Identifier: Apache-2.0
// The operations that only read: select and wait (RFC 7047 5.2.2, 5.2.6).
#include "engine/ordering.h"
#include "engine/projection.h"
#include "engine/run.h"
#include "engine/transact.h"
#include "json/emit.h"

static struct ovsdb_error *decode_projection(struct run *run, const struct operation *operation,
                                             struct projection *ret)
{
    if (operation_has(operation, MEMBER_COLUMNS)) {
        return projection_decode(operation->members[MEMBER_COLUMNS], operation->table,
                                 &run->scratch, ret);
    }
    projection_init_all(ret, operation->table);
    return NULL;
}

// The rows of run->query. Caller frees.
static struct shown *show_found(const struct run *run)
{
    struct shown *shown = NEW_ARRAY(struct shown, run->query.n + 1);

    for (size_t i = 0; i < run->query.n; i++) {
        shown[i].row = entry_visible(run->query.entries[i]);
        shown[i].version = row_version(shown[i].row);
    }
    return shown;
}

// Select

static void put_row(struct run *run, const struct projection *projection, const struct row *row)
{
    emit_next(run->result);
    projection_put(run->result, projection, row);
}

static void put_distinct(struct run *run, const struct projection *projection)
{
    _cleanup_free_ struct shown *found = show_found(run);
    struct shown_set set = {0};

    for (size_t i = 0; i < run->query.n; i++) {
        if (shown_set_add(&set, projection, &found[i])) {
            put_row(run, projection, found[i].row);
        }
    }
    shown_set_done(&set);
}

static struct ovsdb_error *decode_sort(struct run *run, const struct operation *operation,
                                       struct ordering *ret)
{
    return operation_has(operation, MEMBER_SORT)
               ? ordering_decode(operation->members[MEMBER_SORT], operation->table, &run->scratch,
                                 ret)
               : NULL;
}

// Rows are sorted before duplicates are dropped, so the first of equal rows is kept.
struct ovsdb_error *run_select(struct run *run, const struct operation *operation)
{
    _cleanup_(projection_done) struct projection projection = {0};
    _cleanup_(ordering_done) struct ordering ordering = {0};
    struct ovsdb_error *error;

    error = decode_projection(run, operation, &projection);
    error = error ? error : decode_sort(run, operation, &ordering);
    error = error ? error : run_where(run, operation);
    if (error) {
        return error;
    }
    ordering_sort(&ordering, &run->query);
    buf_puts(run->result, "{\"rows\":[");
    if (run->query.n > 1 && !projection_is_distinct(&projection)) {
        put_distinct(run, &projection);
    } else {
        for (size_t i = 0; i < run->query.n; i++) {
            put_row(run, &projection, entry_visible(run->query.entries[i]));
        }
    }
    buf_puts(run->result, "]}");
    return NULL;
}

// Wait

// The rows that a "wait" compares with.
struct expected {
    struct shown *rows;
    size_t n, capacity;
};

struct setting {
    struct row *row;
    struct uuid version;
};

static void expected_done(struct expected *expected)
{
    for (size_t i = 0; i < expected->n; i++) {
        row_unref((struct row *)(uintptr_t)expected->rows[i].row);
    }
    free(expected->rows);
}

static void set_expected(void *context, const struct column *column, union datum datum)
{
    struct setting *setting = context;

    if (column->index == COLUMN_UUID) {
        setting->row->uuid = datum.scalar.uuid;
    } else if (column->index == COLUMN_VERSION) {
        setting->version = datum.scalar.uuid;
    } else {
        row_set(setting->row, column, datum);
    }
}

static struct ovsdb_error *decode_expected(struct run *run, const struct operation *operation,
                                           struct expected *expected)
{
    struct cursor cursor;

    cursor_init(&cursor, operation->members[MEMBER_ROWS]);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice text = cursor_skip(&cursor);
        struct setting setting;
        struct ovsdb_error *error;

        if (json_kind_of(text) != JSON_KIND_OBJECT) {
            return error_syntax(text, "a row is an object");
        }
        setting = (struct setting){.row = row_new(operation->table, UUID_ZERO)};
        error = run_decode_row(run, text, operation->table, set_expected, &setting);
        GROW(expected->rows, expected->n, expected->capacity);
        expected->rows[expected->n++] = (struct shown){setting.row, setting.version};
        if (error) {
            return error;
        }
    }
    return NULL;
}

// True if the rows found and the rows expected, shown by the projection, are the same set.
static bool found_equals(const struct run *run, const struct projection *projection,
                         const struct expected *expected)
{
    _cleanup_free_ struct shown *found = show_found(run);
    struct shown_set want = {0}, have = {0};
    bool equal = true;

    for (size_t i = 0; i < expected->n; i++) {
        shown_set_add(&want, projection, &expected->rows[i]);
    }
    for (size_t i = 0; i < run->query.n && equal; i++) {
        equal = shown_set_has(&want, projection, &found[i]);
        shown_set_add(&have, projection, &found[i]);
    }
    equal = equal && want.rows.n == have.rows.n;
    shown_set_done(&want);
    shown_set_done(&have);
    return equal;
}

static struct ovsdb_error *decode_until(struct run *run, const struct operation *operation,
                                        bool *ret_equal)
{
    struct cursor cursor;
    struct slice until;

    cursor_init(&cursor, operation->members[MEMBER_UNTIL]);
    until = cursor_string(&cursor, &run->scratch);
    if (!slice_is(until, "==") && !slice_is(until, "!=")) {
        return error_syntax(operation->members[MEMBER_UNTIL], "\"until\" must be \"==\" or \"!=\"");
    }
    *ret_equal = slice_is(until, "==");
    return NULL;
}

static struct ovsdb_error *decode_timeout(const struct operation *operation, usec_t *ret)
{
    struct slice text = operation->members[MEMBER_TIMEOUT];
    struct cursor cursor;
    int64_t timeout_ms;
    double real;

    *ret = USEC_INFINITY;
    if (!text.data) {
        return NULL;
    }
    cursor_init(&cursor, text);
    cursor_number(&cursor, &timeout_ms, &real);
    if (timeout_ms < 0) {
        return error_syntax(text, "\"timeout\" must not be negative");
    }
    if ((uint64_t)timeout_ms < USEC_INFINITY / USEC_PER_MSEC) {
        *ret = (uint64_t)timeout_ms * USEC_PER_MSEC;
    }
    return NULL;
}

// Adds a table to those whose changes cause the transaction to be run again.
static void add_table(struct run *run, const struct table_schema *table)
{
    for (size_t i = 0; i < run->n_tables; i++) {
        if (run->tables[i] == table) {
            return;
        }
    }
    GROW(run->tables, run->n_tables, run->tables_capacity);
    run->tables[run->n_tables++] = table;
}

static struct ovsdb_error *unfulfilled(struct run *run, usec_t timeout)
{
    if (run->request->elapsed >= timeout) {
        return timeout ? error_new(ERROR_TIMED_OUT, "\"wait\" timed out after %llu ms",
                                   (unsigned long long)(run->request->elapsed / USEC_PER_MSEC))
                       : error_new(ERROR_TIMED_OUT, "the condition of \"wait\" is not true");
    }
    run->is_waiting = true;
    run->timeout = timeout;
    return NULL;
}

struct ovsdb_error *run_wait(struct run *run, const struct operation *operation)
{
    _cleanup_(projection_done) struct projection projection = {0};
    _cleanup_(expected_done) struct expected expected = {0};
    struct ovsdb_error *error;
    usec_t timeout;
    bool until_equal = false;

    error = decode_timeout(operation, &timeout);
    error = error ? error : decode_until(run, operation, &until_equal);
    error = error ? error : decode_projection(run, operation, &projection);
    error = error ? error : decode_expected(run, operation, &expected);
    error = error ? error : run_where(run, operation);
    if (error) {
        return error;
    }
    add_table(run, operation->table);
    if (found_equals(run, &projection, &expected) != until_equal) {
        return unfulfilled(run, timeout);
    }
    buf_puts(run->result, "{}");
    return NULL;
}
