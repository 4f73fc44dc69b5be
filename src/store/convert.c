// SPDX-License-Identifier: Apache-2.0
// Loads the rows into the new database like those of a file, so that the same checks apply.
#include "store/convert.h"

#include "store/store.h"

#include <errno.h>

#define PROGRESS_EVERY 1024 // rows

struct converter {
    struct db *db;
    const struct progress *progress;
    size_t n_done, n_total; // rows
    struct buf text;
    struct buf scratch;
};

// Prints the value and parses it as the new type. Values without references are copied if the
// atomic types are equal.
static struct ovsdb_error *convert_value(struct converter *converter, union datum value,
                                         const struct type *from, const struct type *to,
                                         union datum *ret)
{
    struct ovsdb_error *error;
    struct cursor cursor;

    if (type_is_plain(from) && type_is_plain(to) && from->key.type == to->key.type) {
        error = datum_check(value, to);
        if (!error) {
            *ret = value;
        }
        return error;
    }
    buf_clear(&converter->text);
    datum_put(&converter->text, value, from);
    cursor_init(&cursor, buf_slice(&converter->text));
    return datum_decode(&cursor, to, DATUM_CHECK_ALL, NULL, &converter->scratch, ret);
}

static struct ovsdb_error *convert_row(struct converter *converter, const struct row *old,
                                       const struct table_schema *table)
{
    bool is_new;
    struct row *row = db_load_row(converter->db, table, old->uuid, &is_new);

    for (size_t i = COLUMN_VERSION + 1; i < old->table->n_columns; i++) {
        const struct column *from = &old->table->columns[i];
        const struct column *to = table_schema_find_column(table, slice_of(from->name));
        struct ovsdb_error *error;
        char uuid[UUID_TEXT_SIZE];
        union datum value;

        if (!to) {
            continue;
        }
        error = convert_value(converter, row_get(old, from), &from->type, &to->type, &value);
        if (error) {
            error_prefix(error, "table %s, row %s, column %s: ", table->name,
                         uuid_text(old->uuid, uuid), to->name);
            return error;
        }
        row_set(row, to, value);
    }
    return NULL;
}

static struct ovsdb_error *convert_table(struct converter *converter,
                                         const struct snapshot *snapshot, size_t index,
                                         const struct table_schema *table)
{
    struct ovsdb_error *error = NULL;
    size_t n;
    struct row *const *rows = snapshot_rows(snapshot, index, &n);

    for (size_t i = 0; i < n && !error; i++) {
        int r = 0;

        if (!(converter->n_done++ % PROGRESS_EVERY)) {
            r = progress_step(converter->progress, "converting", converter->n_done,
                              converter->n_total);
        }
        error = r ? error_io(-r, "the conversion was interrupted")
                  : convert_row(converter, rows[i], table);
    }
    return error;
}

struct ovsdb_error *convert_rows(const struct snapshot *snapshot, struct schema *schema,
                                 const struct progress *progress, struct db **ret)
{
    const struct schema *old = snapshot_schema(snapshot);
    struct converter converter = {.db = db_new(schema, uuid_random),
                                  .progress = progress,
                                  .n_total = snapshot_n_rows(snapshot)};
    struct ovsdb_error *error = NULL;

    for (size_t i = 0; i < old->n_tables && !error; i++) {
        const struct table_schema *table = schema_find_table(schema, slice_of(old->tables[i].name));

        if (table) {
            error = convert_table(&converter, snapshot, i, table);
        }
    }
    if (!error) {
        error = db_load_finish(converter.db, progress);
    }
    buf_done(&converter.text);
    buf_done(&converter.scratch);
    if (error) {
        db_free(converter.db);
        return error;
    }
    *ret = converter.db;
    return NULL;
}

struct ovsdb_error *store_convert(struct db *db, struct schema *schema,
                                  const struct progress *progress, struct db **ret)
{
    struct snapshot *snapshot = snapshot_new(db);
    struct ovsdb_error *error;

    snapshot_collect(snapshot, SIZE_MAX);
    error = convert_rows(snapshot, schema, progress, ret);
    snapshot_free(snapshot);
    return error;
}
