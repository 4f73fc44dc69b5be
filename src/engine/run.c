// SPDX-License-Identifier: Apache-2.0
#include "engine/run.h"

struct ovsdb_error *run_where(struct run *run, const struct operation *operation)
{
    struct condition where;
    struct ovsdb_error *error;
    struct cursor cursor;

    cursor_init(&cursor, operation->members[MEMBER_WHERE]);
    error = condition_decode(&cursor, operation->table, &run->symbols, &run->scratch, &where);
    if (!error) {
        query_run(&run->query, db_table_of(run->db, operation->table), &where);
        condition_done(&where);
    }
    return error;
}

// True if a later member of the object at `cursor` has this name.
static bool is_repeated(struct cursor cursor, const char *name)
{
    _cleanup_buf_ struct buf scratch = {0};

    while (cursor_more(&cursor)) {
        if (slice_is(cursor_name(&cursor, &scratch), name)) {
            return true;
        }
        cursor_skip(&cursor);
    }
    return false;
}

struct ovsdb_error *run_decode_row(
    struct run *run, struct slice text, const struct table_schema *table,
    void (*set)(void *context, const struct column *column, union datum datum), void *context)
{
    struct cursor cursor;

    cursor_init(&cursor, text);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, &run->scratch);
        const struct column *column = table_schema_find_column(table, name);
        struct cursor after = cursor;
        struct ovsdb_error *error;
        union datum datum;

        if (!column) {
            return operation_error(ERROR_UNKNOWN_COLUMN, text,
                                   "table %s has no column " SLICE_FORMAT, table->name,
                                   SLICE_ARGS(name));
        }
        error = datum_decode(&cursor, &column->type, DATUM_CHECK_ALL, &run->symbols, &run->scratch,
                             &datum);
        if (!error) {
            set(context, column, datum);
            continue;
        }
        // An invalid value is no error if the member is repeated.
        cursor_skip(&after);
        if (!is_repeated(after, column->name)) {
            error_prefix(error, "table %s, column %s: ", table->name, column->name);
            return error;
        }
        error_free(error);
        cursor = after;
    }
    return NULL;
}
