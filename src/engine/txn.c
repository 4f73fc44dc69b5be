// SPDX-License-Identifier: Apache-2.0
// The entry of each row that the open transaction touches points to the row's pending state. So a
// look-up finds the transaction's version without a second table. txn_reset() clears the pointers.
#include "engine/internal.h"

#include <assert.h>

#define KEPT_BLOCKS 32 // memory kept for the next transaction

struct txn *txn_new(struct db *db)
{
    struct txn *txn = &db->txn;

    assert(!txn->is_open);
    txn->is_open = true;
    txn->db = db;
    return txn;
}

static struct pending *new_pending(struct txn *txn)
{
    if (txn->n_pending == txn->n_blocks * PENDING_BLOCK) {
        txn->blocks = xreallocarray(txn->blocks, txn->n_blocks + 1, sizeof(*txn->blocks));
        txn->blocks[txn->n_blocks++] = xmalloc(PENDING_BLOCK * sizeof(struct pending));
    }
    return txn_pending(txn, txn->n_pending++);
}

static void touch_table(struct txn *txn, struct table *table)
{
    if (!table->is_touched) {
        table->is_touched = true;
        GROW(txn->tables, txn->n_tables, txn->tables_capacity);
        txn->tables[txn->n_tables++] = table;
    }
}

struct pending *txn_touch(struct txn *txn, struct table *table, struct entry *entry)
{
    assert(txn->is_open);
    if (!entry->pending) {
        struct pending *pending = new_pending(txn);

        *pending = (struct pending){
            .entry = entry,
            .table = table,
            .uuid = entry->row ? entry->row->uuid : UUID_ZERO,
            .old = entry->row,
            .new = entry->row,
            .n_strong = entry->n_strong,
        };
        entry->pending = pending;
        touch_table(txn, table);
    }
    assert(entry->pending->table == table);
    return entry->pending;
}

// Has table_index_pending() add the new version of this row to the indexes.
static void mark_fresh(struct pending *pending)
{
    struct table *table = pending->table;

    if (!pending->is_fresh) {
        pending->is_fresh = true;
        GROW(table->fresh, table->n_fresh, table->fresh_capacity);
        table->fresh[table->n_fresh++] = pending;
    }
}

struct row *txn_write(struct txn *txn, struct table *table, struct entry *entry)
{
    struct pending *pending = txn_touch(txn, table, entry);

    assert(pending->new); // the row exists
    if (pending->new == pending->old) {
        pending->new = row_clone(pending->old);
        pending->new->seq = txn->db->tail->seq + 1;
    }
    mark_fresh(pending);
    assert(pending->new->refs == 1); // I-3: nothing else refers to a version that is written to
    return pending->new;
}

void txn_remove(struct txn *txn, struct table *table, struct entry *entry)
{
    struct pending *pending = txn_touch(txn, table, entry);

    assert(pending->new); // the row exists
    if (pending->new != pending->old) {
        row_unref(pending->new);
    }
    pending->new = NULL;
}

const struct row *txn_find(const struct txn *txn, const struct table_schema *schema,
                           struct uuid uuid)
{
    struct entry *entry = table_find_entry(db_table_of(txn->db, schema), uuid);

    return entry ? entry_visible(entry) : NULL;
}

struct row *txn_insert(struct txn *txn, const struct table_schema *schema, struct uuid uuid)
{
    struct table *table = db_table_of(txn->db, schema);
    struct entry *entry = table_find_entry(table, uuid);
    struct pending *pending;

    if (entry && (entry->row || entry->pending->new)) {
        return NULL;
    }
    if (!entry) {
        entry = table_add_entry(table, uuid);
    }
    pending = txn_touch(txn, table, entry);
    pending->uuid = uuid;
    pending->new = row_new(schema, uuid);
    pending->new->seq = txn->db->tail->seq + 1;
    mark_fresh(pending);
    return pending->new;
}

struct row *txn_modify(struct txn *txn, const struct table_schema *schema, struct uuid uuid)
{
    struct table *table = db_table_of(txn->db, schema);

    struct entry *entry = table_find_entry(table, uuid);

    assert(entry);
    return txn_write(txn, table, entry);
}

void txn_delete(struct txn *txn, const struct table_schema *schema, struct uuid uuid)
{
    struct table *table = db_table_of(txn->db, schema);

    struct entry *entry = table_find_entry(table, uuid);

    assert(entry);
    txn_remove(txn, table, entry);
}

void txn_add_comment(struct txn *txn, struct slice comment)
{
    if (txn->has_comment) {
        buf_putc(&txn->comment, '\n');
    }
    txn->has_comment = true;
    buf_put_slice(&txn->comment, comment);
}

static void pending_drop(struct pending *pending)
{
    struct entry *entry = pending->entry;

    assert(entry->pending == pending);
    if (pending->new != pending->old) {
        row_unref(pending->new);
    }
    if (entry->row) {
        entry->pending = NULL;
    } else {
        table_remove_entry(pending->table, pending->uuid, entry);
    }
}

void txn_reset(struct txn *txn)
{
    for (size_t i = 0; i < txn->n_pending; i++) {
        pending_drop(txn_pending(txn, i));
    }
    txn->n_pending = 0;
    while (txn->n_blocks > KEPT_BLOCKS) {
        free(txn->blocks[--txn->n_blocks]);
    }
    for (size_t i = 0; i < txn->n_tables; i++) {
        table_end_transaction(txn->tables[i]);
        txn->tables[i]->is_touched = false;
    }
    txn->n_tables = 0;
    buf_clear(&txn->comment);
    txn->has_comment = txn->has_purged = false;
    txn->n_queue = txn->n_purge = 0;
}

void txn_free(struct txn *txn)
{
    if (txn) {
        assert(txn->is_open);
        txn_reset(txn);
        txn->is_open = false;
    }
}

void txn_done(struct txn *txn)
{
    assert(!txn->is_open && !txn->n_pending && !txn->n_tables);
    for (size_t i = 0; i < txn->n_blocks; i++) {
        free(txn->blocks[i]);
    }
    free(txn->blocks);
    free(txn->tables);
    buf_done(&txn->comment);
    free(txn->queue);
    free(txn->purge);
    *txn = (struct txn){.db = txn->db};
}
