// SPDX-License-Identifier: Apache-2.0
// The indexes are changed in place, because almost every commit succeeds. First the old versions of
// all changed rows are removed, then the new versions are added and compared with the rows that
// will exist after the commit. On failure the two steps are reverted.
#include "engine/unique.h"

struct ovsdb_error *unique_check_max_rows(const struct txn *txn)
{
    for (size_t i = 0; i < txn->n_tables; i++) {
        const struct table *table = txn->tables[i];

        if (table->n_new_rows > table->schema->max_rows && table->n_new_rows > table->n_rows) {
            return error_new(ERROR_CONSTRAINT,
                             "table %s would have %zu rows, but the schema allows at most %u",
                             table->schema->name, table->n_new_rows, table->schema->max_rows);
        }
    }
    return NULL;
}

// True if the index must be changed for a row whose version `from` is replaced by `to`.
static bool changes_in(const struct index *index, const struct pending *pending,
                       const struct row *from, const struct row *to)
{
    if (!index_covers(index, pending->uuid)) {
        return false; // the later steps of its building visit the row
    }
    return !from || !to || !index_values_equal(index, from, to);
}

// Removes `from`, which is replaced by `to`, from the indexes in which they differ.
static void take_out(const struct pending *pending, const struct row *from, const struct row *to)
{
    for (size_t i = 0; from && i < pending->table->n_indexes; i++) {
        struct index *index = pending->table->indexes[i];

        if (changes_in(index, pending, from, to)) {
            multimap_remove(&index->committed, index_hash(index, from), pending->entry);
            index->upkeep++;
        }
    }
}

static void put_values(struct buf *buf, const struct index *index, const struct row *row)
{
    for (size_t i = 0; i < index->n_columns; i++) {
        const struct column *column = index->columns[i];

        buf_puts(buf, i ? " and " : "");
        datum_put_text(buf, row_get(row, column), &column->type);
    }
}

static void put_columns(struct buf *buf, const struct index *index)
{
    for (size_t i = 0; i < index->n_columns; i++) {
        buf_printf(buf, "%s\"%s\"", i ? " and " : "", index->columns[i]->name);
    }
}

// Writes "row UUID, which ...": where the row comes from, and its former values.
static void put_origin(struct buf *buf, const struct index *index, const struct entry *entry)
{
    char uuid[UUID_TEXT_SIZE];

    buf_printf(buf, "row %s, which ", uuid_text(entry_visible(entry)->uuid, uuid));
    if (!entry->row) {
        buf_puts(buf, "was inserted by this transaction");
    } else if (!entry->pending || entry->pending->new == entry->row) {
        buf_puts(buf, "existed in the database before this transaction and was not modified by it");
    } else {
        buf_puts(buf, "was modified by this transaction and had the values (");
        put_values(buf, index, entry->row);
        buf_puts(buf, ") before");
    }
}

// Existing clients look for the beginning of this message.
static struct ovsdb_error *conflict(const struct table *table, const struct index *index,
                                    const struct entry *a, const struct entry *b)
{
    _cleanup_buf_ struct buf text = {0};

    buf_printf(&text, "Transaction causes multiple rows in \"%s\" table to have identical values (",
               table->schema->name);
    put_values(&text, index, entry_visible(a));
    buf_printf(&text, ") for index on column%s ", index->n_columns == 1 ? "" : "s");
    put_columns(&text, index);
    buf_puts(&text, ": ");
    put_origin(&text, index, a);
    buf_puts(&text, ", and ");
    put_origin(&text, index, b);
    return error_new(ERROR_CONSTRAINT, "%s", buf_cstr(&text));
}

static struct ovsdb_error *check_free(const struct table *table, const struct index *index,
                                      const struct entry *entry, const struct row *row,
                                      uint64_t hash)
{
    struct multimap_cursor cursor;
    struct entry *other;

    multimap_start(&index->committed, hash, &cursor);
    while ((other = multimap_next(&cursor))) {
        if (other != entry && index_values_equal(index, entry_visible(other), row)) {
            return conflict(table, index, entry, other);
        }
    }
    return NULL;
}

// Adds `to`, which replaces `from`, to the indexes in which they differ.
static struct ovsdb_error *put_in(const struct pending *pending, const struct row *from,
                                  const struct row *to, bool check)
{
    struct ovsdb_error *error = NULL;

    for (size_t i = 0; to && i < pending->table->n_indexes && !error; i++) {
        struct index *index = pending->table->indexes[i];

        if (changes_in(index, pending, from, to)) {
            uint64_t hash = index_hash(index, to);

            if (check && index->is_unique) {
                error = check_free(pending->table, index, pending->entry, to, hash);
            }
            if (!error) {
                multimap_add(&index->committed, hash, pending->entry);
                index->upkeep++;
            }
        }
    }
    return error;
}

// drop_unchanged() has set `new` to `old` for rows that are modified without any difference.
static bool is_change(const struct pending *pending)
{
    return pending->new != pending->old && pending->table->n_indexes;
}

struct ovsdb_error *unique_apply(struct txn *txn)
{
    struct ovsdb_error *error = NULL;

    for (size_t i = 0; i < txn->n_pending; i++) {
        struct pending *pending = txn_pending(txn, i);

        assert(!pending->is_indexed);
        if (is_change(pending)) {
            take_out(pending, pending->old, pending->new);
            pending->is_indexed = true;
        }
    }
    for (size_t i = 0; i < txn->n_pending && !error; i++) {
        struct pending *pending = txn_pending(txn, i);

        if (is_change(pending)) {
            error = put_in(pending, pending->old, pending->new, true);
        }
    }
    if (error) {
        unique_revert(txn);
    }
    return error;
}

// After a failure some new versions have not been added: removing them has no effect.
void unique_revert(struct txn *txn)
{
    for (size_t i = 0; i < txn->n_pending; i++) {
        struct pending *pending = txn_pending(txn, i);

        if (pending->is_indexed) {
            take_out(pending, pending->new, pending->old);
        }
    }
    for (size_t i = 0; i < txn->n_pending; i++) {
        struct pending *pending = txn_pending(txn, i);

        if (pending->is_indexed) {
            put_in(pending, pending->new, pending->old, false);
            pending->is_indexed = false;
        }
    }
}
