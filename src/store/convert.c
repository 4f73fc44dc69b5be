// SPDX-License-Identifier: Apache-2.0
// A database under another schema: one transaction that inserts every row, so that the new schema's
// rules hold as after any other.
#include "store/store.h"

#include "engine/txn.h"

// Same form in memory, whatever the constraints.
static bool has_same_form(const struct type *a, const struct type *b)
{
    return a->key.type == b->key.type && a->value.type == b->value.type &&
           type_is_scalar(a) == type_is_scalar(b);
}

// The value as the new type reads what the old one prints.
static struct ovsdb_error *convert_value(union datum value, const struct type *from,
                                         const struct type *to, struct buf *text,
                                         struct buf *scratch, union datum *ret)
{
    struct ovsdb_error *error;
    struct cursor cursor;

    if (has_same_form(from, to)) {
        error = datum_check(value, to);
        if (!error) {
            *ret = datum_copy(value, to);
        }
        return error;
    }
    buf_clear(text);
    datum_put(text, value, from);
    cursor_init(&cursor, buf_slice(text));
    return datum_decode(&cursor, to, DATUM_CHECK_ALL, NULL, scratch, ret);
}

struct conversion {
    struct txn *txn;
    struct buf text;
    struct buf scratch;
};

static struct ovsdb_error *convert_row(struct conversion *conversion, const struct row *old,
                                       const struct table_schema *table)
{
    struct row *row = txn_insert(conversion->txn, table, old->uuid);

    for (size_t i = COLUMN_VERSION + 1; i < old->table->n_columns; i++) {
        const struct column *from = &old->table->columns[i];
        const struct column *to = table_schema_find_column(table, slice_of(from->name));
        struct ovsdb_error *error;
        char uuid[UUID_TEXT_SIZE];
        union datum value;

        if (!to) {
            continue;
        }
        error = convert_value(row_get(old, from), &from->type, &to->type, &conversion->text,
                              &conversion->scratch, &value);
        if (error) {
            error_prefix(error, "table %s, row %s, column %s: ", table->name,
                         uuid_text(old->uuid, uuid), to->name);
            return error;
        }
        row_set(row, to, value);
    }
    return NULL;
}

static struct ovsdb_error *convert_rows(struct conversion *conversion, const struct db *db,
                                        const struct schema *schema)
{
    const struct schema *old_schema = db_schema(db);

    for (size_t i = 0; i < old_schema->n_tables; i++) {
        const struct table_schema *from = &old_schema->tables[i];
        const struct table_schema *to = schema_find_table(schema, slice_of(from->name));
        size_t state = 0;
        struct row *row;

        if (!to) {
            continue;
        }
        while ((row = table_next(db_table(db, from), &state))) {
            struct ovsdb_error *error = convert_row(conversion, row, to);

            if (error) {
                return error;
            }
        }
    }
    return NULL;
}

struct ovsdb_error *store_convert(struct db *db, struct schema *schema, struct db **ret)
{
    struct db *new_db = db_new(schema);
    struct conversion conversion = {.txn = txn_new(new_db)};
    struct changeset *changes;
    struct ovsdb_error *error;
    uint64_t ticket;

    error = convert_rows(&conversion, db, schema);
    if (!error) {
        error = txn_commit(conversion.txn, false, &changes, &ticket);
    }
    txn_free(conversion.txn);
    buf_done(&conversion.text);
    buf_done(&conversion.scratch);
    if (error) {
        db_free(new_db);
        return error;
    }
    *ret = new_db;
    return NULL;
}
