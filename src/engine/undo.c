// SPDX-License-Identifier: Apache-2.0
// A change set holds the old version of each row, so undoing it is a commit in which these old
// versions are the new ones: the steps that maintain indexes and references are those of every
// commit. None of its checks can fail, because the state that it leads to was committed before.
#include "engine/undo.h"

#include "engine/internal.h"

#include <assert.h>

static struct entry *undo_entry(struct table *table, const struct row_change *change)
{
    struct uuid uuid = (change->new ? change->new : change->old)->uuid;
    struct entry *entry = table_find_entry(table, uuid);

    assert(change->new ? entry && entry->row == change->new : !entry);
    return entry ? entry : table_add_entry(table, uuid);
}

static void undo_row(struct txn *txn, struct table *table, const struct row_change *change)
{
    struct pending *pending = txn_touch(txn, table, undo_entry(table, change));

    if (change->old) {
        pending->uuid = change->old->uuid;
        pending->new = row_ref(change->old);
    } else {
        pending->new = NULL;
    }
}

static void undo_changes(struct db *db, const struct changeset *changes)
{
    struct txn *txn = txn_new(db);
    struct ovsdb_error *error;
    size_t n_changes = 0, n_rows = 0;

    for (size_t i = 0; i < changes->n_tables; i++) {
        const struct table_changes *table = &changes->tables[i];

        for (size_t j = 0; j < table->n_rows; j++) {
            undo_row(txn, db_table_of(db, table->table), &table->rows[j]);
        }
        n_rows += table->n_rows;
    }
    error = txn_check(txn, &n_changes);
    assert(!error);
    assert(n_changes == n_rows); // no row was collected or purged beside those of the change set
    txn_install(txn);
    txn_free(txn);
}

static void tell_observers(struct db *db, struct changeset *last)
{
    struct db_observer *observer, *next;

    LIST_FOREACH_SAFE (observer, next, &db->observers, node) {
        if (observer->withdrawn) {
            observer->withdrawn(observer, db, last);
        }
    }
}

// Ends the chain at `last`.
static void cut_chain(struct db *db, struct changeset *last)
{
    struct changeset *withdrawn = TAKE_PTR(last->next), *tail = db->tail;

    db->tail = changeset_ref(last);
    changeset_unref(tail);
    changeset_unref(withdrawn);
}

void db_undo(struct db *db, struct changeset *last)
{
    _cleanup_free_ struct changeset **withdrawn = NULL;
    size_t n = 0, capacity = 0;

    assert(!db->txn.is_open);
    for (struct changeset *changes = last->next; changes; changes = changes->next) {
        GROW(withdrawn, n, capacity);
        withdrawn[n++] = changes;
    }
    assert(n ? withdrawn[n - 1] == db->tail : last == db->tail);
    if (!n) {
        return;
    }
    while (n) {
        undo_changes(db, withdrawn[--n]);
    }
    tell_observers(db, last);
    cut_chain(db, last);
}
