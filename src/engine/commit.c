// SPDX-License-Identifier: Apache-2.0
// A commit runs the checks that need the whole transaction, in the order of docs/ARCHITECTURE.md,
// then appends to the log, then swaps in the new row versions. The swap cannot fail. Before it, the
// transaction has changed only its pending versions and the indexes, and both can be reverted.
#include "basic/counter.h"
#include "engine/internal.h"
#include "engine/references.h"
#include "engine/unique.h"

COUNTER(commits, "Commits that changed something, in all databases");
COUNTER(rows_changed, "Rows inserted, modified or deleted by commits");

// A modified row with unchanged values does not count as changed: it keeps its _version.
static void drop_unchanged(struct txn *txn)
{
    for (size_t i = 0; i < txn->n_pending; i++) {
        struct pending *pending = txn_pending(txn, i);

        bool is_modified = pending->old && pending->new && pending->new != pending->old;

        if (is_modified && row_equals(pending->old, pending->new)) {
            row_unref(pending->new);
            pending->new = pending->old;
        }
    }
}

// Counts the changed rows of each table and the rows that it will have. Returns the number of all
// changed rows.
static size_t count_changes(struct txn *txn)
{
    size_t n = 0;

    for (size_t i = 0; i < txn->n_tables; i++) {
        txn->tables[i]->n_changes = 0;
        txn->tables[i]->n_new_rows = txn->tables[i]->n_rows;
    }
    for (size_t i = 0; i < txn->n_pending; i++) {
        struct pending *pending = txn_pending(txn, i);

        if (pending->new != pending->old) {
            pending->table->n_changes++;
            pending->table->n_new_rows += !pending->old;
            pending->table->n_new_rows -= !pending->new;
            n++;
        }
    }
    return n;
}

static int table_compare(const void *a_, const void *b_)
{
    const struct table *const *a = a_, *const *b = b_;

    return (*a)->schema->index - (*b)->schema->index;
}

static struct changeset *build_changes(struct txn *txn, size_t n_rows)
{
    struct db *db = txn->db;
    struct changeset *changes;
    struct row_change *rows;
    size_t n = 0;

    qsort(txn->tables, txn->n_tables, sizeof(*txn->tables), table_compare);
    for (size_t i = 0; i < txn->n_tables; i++) {
        n += txn->tables[i]->n_changes != 0;
    }
    changes = changeset_new(db->schema, n, n_rows);
    changes->seq = db->tail->seq + 1;
    changes->comment = txn->has_comment ? xstrdup(buf_cstr(&txn->comment)) : NULL;
    changes->memory = sizeof(*changes) + n_rows * sizeof(*rows);
    rows = n ? changes->tables[0].rows : NULL;
    for (size_t i = 0; i < txn->n_tables; i++) {
        struct table *table = txn->tables[i];

        if (table->n_changes) {
            changes->tables[changes->n_tables++] =
                (struct table_changes){.table = table->schema, .rows = rows};
            rows += table->n_changes;
            table->changes_at = changes->n_tables - 1;
        }
    }
    for (size_t i = 0; i < txn->n_pending; i++) {
        struct pending *pending = txn_pending(txn, i);

        if (pending->new != pending->old) {
            struct table_changes *table = &changes->tables[pending->table->changes_at];
            struct row_change *change = &table->rows[table->n_rows++];

            change->old = pending->old ? row_ref(pending->old) : NULL;
            change->new = pending->new ? row_ref(pending->new) : NULL;
            assert(!change->new || change->new->seq == changes->seq);
            changes->memory += row_change_memory(change);
        }
    }
    assert(changes->n_tables == n);
    return changes;
}

// Updates the sets of weak referrers. Before swap_rows(): deleted rows and inserted rows must both
// be found.
static void swap_weak_references(struct txn *txn)
{
    for (size_t i = 0; i < txn->n_pending; i++) {
        struct pending *pending = txn_pending(txn, i);

        if (pending->new != pending->old && pending->table->n_weak) {
            references_swap_weak(txn, pending);
        }
    }
}

static void swap_rows(struct txn *txn)
{
    struct db *db = txn->db;

    for (size_t i = 0; i < txn->n_tables; i++) {
        txn->tables[i]->n_rows = txn->tables[i]->n_new_rows;
    }
    for (size_t i = 0; i < txn->n_pending; i++) {
        struct pending *pending = txn_pending(txn, i);
        struct entry *entry = pending->entry;

        assert(entry->row == pending->old);         // I-5: `old` is the current version
        assert(pending->new || !pending->n_strong); // I-4: no reference to a deleted row
        entry->n_strong = pending->n_strong;
        if (pending->new != pending->old) {
            db->memory += pending->new ? row_memory(pending->new, pending->old) : 0;
            db->memory -= pending->old ? row_memory(pending->old, pending->new) : 0;
            entry->row = pending->new;
            row_unref(pending->old);
            pending->old = pending->new; // nothing left for txn_reset() to take back
        }
    }
}

void db_append_to_chain(struct db *db, struct changeset *changes)
{
    struct changeset *tail = db->tail;

    assert(!tail->next && !changes->next);
    assert(changes->seq >= tail->seq); // I-5
    tail->next = changeset_ref(changes);
    db->tail = changes;
    changeset_unref(tail);
}

static void call_observers(struct db *db, struct changeset *changes)
{
    struct db_observer *observer, *next;

    LIST_FOREACH_SAFE (observer, next, &db->observers, node) {
        observer->committed(observer, db, changes);
    }
}

void db_commit_nothing(struct db *db, uint64_t seq, struct uuid txn_id)
{
    struct changeset *changes = changeset_new(db->schema, 0, 0);

    changes->seq = seq;
    changes->txn_id = txn_id;
    changes->memory = sizeof(*changes);
    db_append_to_chain(db, changes);
    call_observers(db, changes);
}

struct ovsdb_error *txn_step(const struct txn *txn)
{
    int r = progress_step(txn->progress, "checking", 0, 0);

    return r ? error_io(-r, "the checks were interrupted") : NULL;
}

struct ovsdb_error *txn_check(struct txn *txn, size_t *ret_n_changes)
{
    struct ovsdb_error *error;

    assert(txn->is_open);
    error = references_settle(txn);
    if (!error) {
        drop_unchanged(txn);
        *ret_n_changes = count_changes(txn);
        error = unique_check_max_rows(txn);
    }
    error = error ? error : txn_step(txn);
    return error ? error : unique_apply(txn);
}

void txn_install(struct txn *txn)
{
    swap_weak_references(txn);
    swap_rows(txn);
    txn_reset(txn);
}

struct ovsdb_error *txn_commit(struct txn *txn, bool durable, struct changeset **ret_changes,
                               uint64_t *ret_position)
{
    struct db *db = txn->db;
    struct changeset *changes;
    uint64_t position = 0;
    size_t n_changes = 0;
    struct ovsdb_error *error = txn_check(txn, &n_changes);

    if (error) {
        return error;
    }
    if (!n_changes) {
        *ret_changes = NULL;
        *ret_position = 0;
        return NULL;
    }
    changes = build_changes(txn, n_changes);
    assert(changes->seq == db->tail->seq + 1); // I-5
    error = db->log->append(db->log, changes, durable, &position);
    if (error) {
        unique_revert(txn);
        changeset_unref(changes);
        return error;
    }
    txn_install(txn);
    db_append_to_chain(db, changes);
    COUNT(commits);
    COUNT_N(rows_changed, n_changes);
    *ret_changes = changes;
    *ret_position = position;
    db_check_after_commit(db);
    call_observers(db, changes);
    return NULL;
}
