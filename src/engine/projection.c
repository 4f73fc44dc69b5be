// SPDX-License-Identifier: Apache-2.0
#include "engine/projection.h"

#include "json/emit.h"

static int column_compare(const void *a_, const void *b_)
{
    const struct column *const *a = a_, *const *b = b_;

    return (*a)->index - (*b)->index; // the schema's columns are sorted by name
}

static bool has_repeats(const struct projection *projection)
{
    for (size_t i = 1; i < projection->n_columns; i++) {
        if (projection->columns[i] == projection->columns[i - 1]) {
            return true;
        }
    }
    return false;
}

static struct ovsdb_error *decode_names(struct slice columns, const struct table_schema *table,
                                        struct buf *scratch, struct projection *projection)
{
    struct cursor cursor;
    size_t capacity = 0;

    cursor_init(&cursor, columns);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        const struct column *column;
        struct slice name;

        if (cursor_kind(&cursor) != JSON_KIND_STRING) {
            return error_syntax(columns, "an array of distinct column names expected");
        }
        name = cursor_string(&cursor, scratch);
        column = table_schema_find_column(table, name);
        if (!column) {
            return error_syntax(columns, "table %s has no column " SLICE_FORMAT, table->name,
                                SLICE_ARGS(name));
        }
        GROW(projection->columns, projection->n_columns, capacity);
        projection->columns[projection->n_columns++] = column;
    }
    return NULL;
}

struct ovsdb_error *projection_decode(struct slice columns, const struct table_schema *table,
                                      struct buf *scratch, struct projection *ret)
{
    struct projection projection = {0};
    struct ovsdb_error *error = decode_names(columns, table, scratch, &projection);

    if (!error && projection.n_columns) {
        qsort(projection.columns, projection.n_columns, sizeof(*projection.columns),
              column_compare);
        if (has_repeats(&projection)) {
            error = error_syntax(columns, "an array of distinct column names expected");
        }
    }
    if (error) {
        projection_done(&projection);
        return error;
    }
    *ret = projection;
    return NULL;
}

void projection_init_all(struct projection *projection, const struct table_schema *table)
{
    projection->columns = NEW_ARRAY(const struct column *, table->n_columns);
    projection->n_columns = table->n_columns;
    for (uint16_t i = 0; i < table->n_columns; i++) {
        projection->columns[i] = &table->columns[i];
    }
}

void projection_done(struct projection *projection)
{
    free(projection->columns);
    *projection = (struct projection){0};
}

bool projection_is_distinct(const struct projection *projection)
{
    return projection->n_columns && projection->columns[0]->index <= COLUMN_VERSION;
}

void projection_put(struct buf *buf, const struct projection *projection, const struct row *row)
{
    buf_putc(buf, '{');
    for (size_t i = 0; i < projection->n_columns; i++) {
        const struct column *column = projection->columns[i];

        emit_next(buf);
        // Column names need no escapes (id_is_valid()).
        buf_putc(buf, '"');
        buf_puts(buf, column->name);
        buf_put(buf, "\":", 2);
        datum_put(buf, row_get(row, column), &column->type);
    }
    buf_putc(buf, '}');
}

static union datum value_of(const struct shown *shown, const struct column *column)
{
    return column->index == COLUMN_VERSION ? (union datum){.scalar.uuid = shown->version}
                                           : row_get(shown->row, column);
}

static uint64_t projection_hash(const struct projection *projection, const struct shown *shown)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < projection->n_columns; i++) {
        const struct column *column = projection->columns[i];

        hash = datum_hash(value_of(shown, column), &column->type, hash);
    }
    return hash;
}

static bool projection_equals(const struct projection *projection, const struct shown *a,
                              const struct shown *b)
{
    for (size_t i = 0; i < projection->n_columns; i++) {
        const struct column *column = projection->columns[i];

        if (!datum_equals(value_of(a, column), value_of(b, column), &column->type)) {
            return false;
        }
    }
    return true;
}

void shown_set_done(struct shown_set *set)
{
    htable_done(&set->rows);
}

static bool has_with_hash(const struct shown_set *set, const struct projection *projection,
                          const struct shown *shown, uint64_t hash)
{
    const struct shown *other;

    HTABLE_FOREACH_WITH_HASH(other, &set->rows, hash)
    {
        if (projection_equals(projection, shown, other)) {
            return true;
        }
    }
    return false;
}

bool shown_set_has(const struct shown_set *set, const struct projection *projection,
                   const struct shown *shown)
{
    return has_with_hash(set, projection, shown, projection_hash(projection, shown));
}

bool shown_set_add(struct shown_set *set, const struct projection *projection,
                   const struct shown *shown)
{
    uint64_t hash = projection_hash(projection, shown);

    if (has_with_hash(set, projection, shown, hash)) {
        return false;
    }
    htable_insert(&set->rows, hash, (void *)(uintptr_t)shown);
    return true;
}
