// SPDX-License-Identifier: Apache-2.0
#include "tools/row_values.h"

#include <assert.h>

void row_values_init(struct row_values *row, const struct column **columns, size_t n)
{
    *row = (struct row_values){
        .columns = columns,
        .n = n,
        .present = NEW_ARRAY(bool, n + 1),
        .values = NEW_ARRAY(union datum, n + 1),
    };
}

static void clear_values(struct row_values *row)
{
    for (size_t i = 0; i < row->n; i++) {
        if (row->present[i]) {
            datum_done(row->values[i], &row->columns[i]->type);
            row->present[i] = false;
        }
    }
}

void row_values_done(struct row_values *row)
{
    clear_values(row);
    free(row->columns);
    free(row->present);
    free(row->values);
    *row = (struct row_values){0};
}

static size_t find_column(const struct row_values *row, struct slice name)
{
    size_t i = 0;

    while (i < row->n && !slice_is(name, row->columns[i]->name)) {
        i++;
    }
    return i;
}

struct ovsdb_error *row_values_read(struct row_values *row, struct slice object)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;

    clear_values(row);
    cursor_init(&cursor, object);
    if (cursor_kind(&cursor) != JSON_KIND_OBJECT) {
        return error_syntax(object, "a row must be an object");
    }
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        size_t i = find_column(row, cursor_name(&cursor, &scratch));
        struct ovsdb_error *error;
        union datum value;

        if (i == row->n) {
            cursor_skip(&cursor);
            continue;
        }
        error = datum_decode(&cursor, &row->columns[i]->type, DATUM_CHECK_NOTHING, NULL, &scratch,
                             &value);
        if (error) {
            error_prefix(error, "column %s: ", row->columns[i]->name);
            return error;
        }
        if (row->present[i]) {
            datum_done(row->values[i], &row->columns[i]->type);
        }
        row->values[i] = value;
        row->present[i] = true;
    }
    return NULL;
}

struct ovsdb_error *row_values_read_whole(struct row_values *row, const struct table_schema *table,
                                          struct slice object)
{
    struct ovsdb_error *error = row_values_read(row, object);

    for (size_t i = 0; i < row->n && !error; i++) {
        if (!row->present[i]) {
            error = error_syntax(object, "a row of table %s came without column %s", table->name,
                                 row->columns[i]->name);
        }
    }
    return error;
}

union datum row_values_take(struct row_values *row, size_t i)
{
    assert(i < row->n && row->present[i]);
    row->present[i] = false;
    return row->values[i];
}

int row_values_compare(const struct row_values *a, const struct row_values *b)
{
    assert(a->n == b->n);
    for (size_t i = 0; i < a->n; i++) {
        int cmp = (int)a->present[i] - (int)b->present[i];

        if (!cmp && a->present[i]) {
            cmp = datum_compare(a->values[i], b->values[i], &a->columns[i]->type);
        }
        if (cmp) {
            return cmp;
        }
    }
    return 0;
}
