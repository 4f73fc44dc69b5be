// SPDX-License-Identifier: Apache-2.0
#include "engine/ordering.h"

#include "engine/projection.h"

#include <assert.h>

struct ovsdb_error *ordering_decode(struct slice names, const struct table_schema *table,
                                    struct buf *scratch, struct ordering *ret)
{
    struct projection checked = {0}; // the same columns, sorted by name
    struct ovsdb_error *error = projection_decode(names, table, scratch, &checked);
    struct cursor cursor;
    size_t n = 0;

    if (error) {
        return error;
    }
    cursor_init(&cursor, names);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        checked.columns[n++] = table_schema_find_column(table, cursor_string(&cursor, scratch));
    }
    assert(n == checked.n_columns);
    *ret = (struct ordering){.columns = checked.columns, .n_columns = n};
    return NULL;
}

void ordering_done(struct ordering *ordering)
{
    free(ordering->columns);
    *ordering = (struct ordering){0};
}

static int compare_entries(const void *a_, const void *b_, void *ordering_)
{
    const struct entry *const *a = a_, *const *b = b_;
    const struct row *row_a = entry_visible(*a), *row_b = entry_visible(*b);
    const struct ordering *ordering = ordering_;

    for (size_t i = 0; i < ordering->n_columns; i++) {
        const struct column *column = ordering->columns[i];
        int cmp = datum_compare(row_get(row_a, column), row_get(row_b, column), &column->type);

        if (cmp) {
            return cmp;
        }
    }
    return uuid_compare(row_a->uuid, row_b->uuid);
}

void ordering_sort(const struct ordering *ordering, struct query *query)
{
    if (ordering->n_columns && query->n > 1) {
        qsort_r(query->entries, query->n, sizeof(struct entry *), compare_entries,
                (void *)(uintptr_t)ordering);
    }
}
