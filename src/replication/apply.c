// SPDX-License-Identifier: Apache-2.0
// Initial contents modify the rows that exist already, instead of replacing them: after a
// reconnection, a row that has not changed on the other server is not changed here either, and
// causes no update for our clients.
#include "replication/apply.h"

#include "engine/txn.h"

#include <assert.h>

struct application {
    struct db *db;
    const struct exclude *exclude;
    const struct schema *theirs;
    struct txn *txn;
    struct buf scratch;
    enum apply_kind kind;
    enum apply_form form;
    struct uuid *listed; // for APPLY_ALL: the rows of the current table that `updates` contains
    size_t n_listed, listed_capacity;
};

static int compare_uuids(const void *a, const void *b)
{
    return uuid_compare(*(const struct uuid *)a, *(const struct uuid *)b);
}

static void add_listed(struct application *a, struct uuid uuid)
{
    assert(a->kind == APPLY_ALL);
    GROW(a->listed, a->n_listed, a->listed_capacity);
    a->listed[a->n_listed++] = uuid;
}

struct ovsdb_error *apply_columns(struct row *row, struct slice columns, bool is_diff,
                                  struct buf *scratch)
{
    struct cursor cursor;

    if (json_kind_of(columns) != JSON_KIND_OBJECT) {
        return error_syntax(columns, "a row must be an object");
    }
    cursor_init(&cursor, columns);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, scratch);
        const struct column *column = table_schema_find_column(row->table, name);
        struct ovsdb_error *error;
        union datum datum;

        if (!column) {
            return error_new(ERROR_UNKNOWN_COLUMN, "there is no column " SLICE_FORMAT,
                             SLICE_ARGS(name));
        }
        if (column->index <= COLUMN_VERSION) {
            cursor_skip(&cursor);
            continue;
        }
        error =
            is_diff
                ? datum_decode_diff(&cursor, row_get(row, column), &column->type, scratch, &datum)
                : datum_decode(&cursor, &column->type, DATUM_CHECK_ALL, NULL, scratch, &datum);
        if (error) {
            error_prefix(error, "column %s: ", column->name);
            return error;
        }
        row_set(row, column, datum);
    }
    return NULL;
}

// <table-updates2> shows of a whole row only the columns that are not at their default.
static void reset_columns(struct application *a, struct row *row)
{
    const struct table_schema *theirs = schema_find_table(a->theirs, slice_of(row->table->name));

    for (uint16_t i = COLUMN_VERSION + 1; i < row->table->n_columns; i++) {
        const struct column *column = &row->table->columns[i];

        if (table_schema_find_column(theirs, slice_of(column->name))) {
            row_set(row, column, datum_default(&column->type));
        }
    }
}

static struct ovsdb_error *put_row(struct application *a, const struct table_schema *table,
                                   struct uuid uuid, struct slice columns)
{
    struct row *row = txn_find(a->txn, table, uuid) ? txn_modify(a->txn, table, uuid)
                                                    : txn_insert(a->txn, table, uuid);

    if (!row) {
        return error_new(ERROR_DUPLICATE_UUID, "the update deletes and inserts the row");
    }
    if (a->kind == APPLY_ALL) {
        add_listed(a, uuid);
    }
    if (a->form == APPLY_UPDATES2) {
        reset_columns(a, row);
    }
    return apply_columns(row, columns, false, &a->scratch);
}

static void delete_row(struct application *a, const struct table_schema *table, struct uuid uuid)
{
    if (txn_find(a->txn, table, uuid)) {
        txn_delete(a->txn, table, uuid);
    }
}

// Applies a <row-update> {"old": ..., "new": ...}. Without "new" the row is deleted.
static struct ovsdb_error *apply_row_update(struct application *a, const struct table_schema *table,
                                            struct uuid uuid, struct slice update)
{
    struct slice new = json_member(update, "new");

    if (new.data) {
        return put_row(a, table, uuid, new);
    }
    delete_row(a, table, uuid);
    return NULL;
}

// Applies a <row-update2>: one of "initial", "insert", "modify" and "delete".
static struct ovsdb_error *apply_row_update2(struct application *a,
                                             const struct table_schema *table, struct uuid uuid,
                                             struct slice update)
{
    struct slice initial = json_member(update, "initial");
    struct slice insert = json_member(update, "insert");
    struct slice modify = json_member(update, "modify");

    if (initial.data || insert.data) {
        return put_row(a, table, uuid, initial.data ? initial : insert);
    }
    if (modify.data) {
        return txn_find(a->txn, table, uuid)
                   ? apply_columns(txn_modify(a->txn, table, uuid), modify, true, &a->scratch)
                   : error_new(ERROR_SYNTAX, "a row that does not exist is modified");
    }
    if (!json_member(update, "delete").data) {
        return error_syntax(update,
                            "a row update must have one of \"initial\", \"insert\", "
                            "\"modify\" and \"delete\"");
    }
    delete_row(a, table, uuid);
    return NULL;
}

static struct ovsdb_error *apply_row(struct application *a, const struct table_schema *table,
                                     struct uuid uuid, struct slice update)
{
    if (json_kind_of(update) != JSON_KIND_OBJECT) {
        return error_syntax(update, "a row update must be an object");
    }
    return a->form == APPLY_UPDATES2 ? apply_row_update2(a, table, uuid, update)
                                     : apply_row_update(a, table, uuid, update);
}

// Deletes the rows of a table that `updates` does not contain.
static void delete_unlisted(struct application *a, const struct table_schema *schema)
{
    const struct table *table = db_table(a->db, schema);
    _cleanup_free_ struct uuid *gone = NULL;
    size_t n = 0, capacity = 0, state = 0;
    const struct row *row;

    if (a->n_listed) {
        qsort(a->listed, a->n_listed, sizeof(*a->listed), compare_uuids);
    }
    while ((row = table_next(table, &state))) {
        if (!a->n_listed ||
            !bsearch(&row->uuid, a->listed, a->n_listed, sizeof(*a->listed), compare_uuids)) {
            GROW(gone, n, capacity);
            gone[n++] = row->uuid;
        }
    }
    for (size_t i = 0; i < n; i++) {
        txn_delete(a->txn, schema, gone[i]);
    }
}

static struct ovsdb_error *apply_table(struct application *a, const struct table_schema *table,
                                       struct slice rows)
{
    struct cursor cursor;

    if (json_kind_of(rows) != JSON_KIND_OBJECT) {
        return error_syntax(rows, "a table update must be an object");
    }
    cursor_init(&cursor, rows);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, &a->scratch);
        struct ovsdb_error *error;
        struct uuid uuid;

        if (!uuid_parse(name, &uuid)) {
            return error_new(ERROR_SYNTAX, "\"" SLICE_FORMAT "\" is not a UUID", SLICE_ARGS(name));
        }
        error = apply_row(a, table, uuid, cursor_skip(&cursor));
        if (error) {
            char text[UUID_TEXT_SIZE];

            error_prefix(error, "row %s: ", uuid_text(uuid, text));
            return error;
        }
    }
    return NULL;
}

static struct ovsdb_error *apply_tables(struct application *a, struct slice updates)
{
    const struct schema *schema = db_schema(a->db);

    for (size_t i = 0; i < schema->n_tables; i++) {
        const struct table_schema *table = &schema->tables[i];
        struct slice rows = json_member(updates, table->name);
        struct ovsdb_error *error = NULL;

        if (exclude_has(a->exclude, schema->name, table->name) ||
            !schema_find_table(a->theirs, slice_of(table->name))) {
            continue;
        }
        a->n_listed = 0;
        if (rows.data) {
            error = apply_table(a, table, rows);
        }
        if (error) {
            error_prefix(error, "table %s, ", table->name);
            return error;
        }
        if (a->kind == APPLY_ALL) {
            delete_unlisted(a, table);
        }
    }
    return NULL;
}

struct ovsdb_error *apply_updates(struct db *db, const struct exclude *exclude,
                                  const struct schema *theirs, struct slice updates,
                                  enum apply_kind kind, enum apply_form form)
{
    struct application a = {
        .db = db, .exclude = exclude, .theirs = theirs, .kind = kind, .form = form};
    struct ovsdb_error *error;
    struct changeset *changes;
    uint64_t position;

    if (json_kind_of(updates) != JSON_KIND_OBJECT) {
        return error_syntax(updates, "table updates must be an object");
    }
    a.txn = txn_new(db);
    error = apply_tables(&a, updates);
    if (!error) {
        error = txn_commit(a.txn, true, &changes, &position);
    }
    txn_free(a.txn);
    free(a.listed);
    buf_done(&a.scratch);
    return error;
}
