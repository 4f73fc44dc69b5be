// SPDX-License-Identifier: Apache-2.0
// Loading changes rows in place, because nothing else refers to them yet. Counts, referrers and
// indexes, which commits maintain step by step, are built once at the end.
#include "engine/internal.h"

#include <assert.h>
#include <float.h>

struct row *db_load_row(struct db *db, const struct table_schema *schema, struct uuid uuid,
                        bool *ret_is_new)
{
    struct table *table = db_table_of(db, schema);
    struct entry *entry = table_find_entry(table, uuid);

    assert(!db->tail->seq);
    *ret_is_new = !entry;
    if (!entry) {
        entry = table_add_entry(table, uuid);
        entry->row = row_new(schema, uuid);
        table->n_rows++;
        if (db->replayed) {
            replayed_history_add(db->replayed, NULL, row_ref(entry->row));
        }
    } else if (db->replayed && !replayed_history_has_touched(entry->row)) {
        struct row *old = entry->row;

        entry->row = row_clone(old);
        replayed_history_add(db->replayed, old, row_ref(entry->row));
    }
    return entry->row;
}

bool db_load_delete(struct db *db, const struct table_schema *schema, struct uuid uuid)
{
    struct table *table = db_table_of(db, schema);
    struct entry *entry = table_find_entry(table, uuid);

    assert(!db->tail->seq);
    if (!entry) {
        return false;
    }
    if (db->replayed) {
        replayed_history_add(db->replayed, entry->row, NULL);
    } else {
        row_unref(entry->row);
    }
    table_remove_entry(table, uuid, entry);
    table->n_rows--;
    return true;
}

void db_load_keep_history(struct db *db, size_t max_changes)
{
    assert(!db->replayed && !db->tail->seq);
    db->replayed = replayed_history_new(db, max_changes);
}

void db_load_end_record(struct db *db, struct uuid txn_id, size_t max_memory)
{
    assert(db->replayed);
    replayed_history_end_record(db->replayed, db, txn_id, max_memory);
}

struct changeset *db_take_replayed_history(struct db *db)
{
    struct changeset *first = db->replayed ? replayed_history_take(db->replayed) : NULL;

    replayed_history_free(TAKE_PTR(db->replayed));
    return first ? first : changeset_ref(db->tail);
}

static bool is_limited(const struct base_type *base)
{
    switch (base->type) {
    case ATOM_INTEGER:
        return base->enumeration || base->integer.min != INT64_MIN ||
               base->integer.max != INT64_MAX;
    case ATOM_REAL:
        return base->enumeration || base->real.min != -DBL_MAX || base->real.max != DBL_MAX;
    case ATOM_STRING:
        return base->enumeration || base->string.min || base->string.max != UINT32_MAX;
    default:
        return base->enumeration != NULL;
    }
}

static bool column_is_limited(const struct column *column)
{
    const struct type *type = &column->type;

    return is_limited(&type->key) || (type_is_map(type) && is_limited(&type->value)) ||
           (!type_is_scalar(type) && (type->n_min || type->n_max != UINT32_MAX));
}

static struct ovsdb_error *check_column(const struct table *table, const struct column *column)
{
    struct entry *entry;

    HTABLE_FOREACH(entry, &table->entries)
    {
        struct ovsdb_error *error = datum_check(row_get(entry->row, column), &column->type);
        char uuid[UUID_TEXT_SIZE];

        if (error) {
            error_prefix(error, "table %s, row %s, column %s: ", table->schema->name,
                         uuid_text(entry->row->uuid, uuid), column->name);
            return error;
        }
    }
    return NULL;
}

static struct ovsdb_error *check_values(const struct table *table)
{
    struct ovsdb_error *error = NULL;

    for (uint16_t i = COLUMN_VERSION + 1; i < table->schema->n_columns && !error; i++) {
        if (column_is_limited(&table->schema->columns[i])) {
            error = check_column(table, &table->schema->columns[i]);
        }
    }
    return error;
}

// Makes the open transaction insert every row of the table. The checks of such a commit are the
// checks of the whole database.
static void reinsert(struct txn *txn, struct table *table)
{
    struct entry *entry;

    HTABLE_FOREACH(entry, &table->entries)
    {
        struct pending *pending = txn_touch(txn, table, entry);

        assert(entry->row && !entry->n_strong && !entry->is_weakly_referenced);
        pending->old = NULL;
        entry->row = NULL;
    }
    table->n_rows = 0;
}

struct ovsdb_error *db_load_finish(struct db *db, const struct progress *progress)
{
    struct ovsdb_error *error = NULL;
    struct txn *txn = txn_new(db);
    size_t n_changes, n_rows = 0;

    assert(!db->tail->seq); // before the first commit
    txn->progress = progress;
    for (uint16_t i = 0; i < db->schema->n_tables && !error; i++) {
        error = check_values(db->tables[i]);
        error = error ? error : txn_step(txn);
    }
    for (uint16_t i = 0; i < db->schema->n_tables && !error; i++) {
        n_rows += db->tables[i]->n_rows;
        reinsert(txn, db->tables[i]);
        error = txn_step(txn);
    }
    error = error ? error : txn_check(txn, &n_changes);
    if (!error) {
        // The rows were repaired: the replayed history does not lead to their current versions.
        if (txn->has_purged || n_changes != n_rows) {
            replayed_history_free(TAKE_PTR(db->replayed));
        }
        txn_install(txn);
    }
    txn->progress = NULL;
    txn_free(txn);
    if (!error) {
        db_check_after_commit(db);
    }
    return error;
}
