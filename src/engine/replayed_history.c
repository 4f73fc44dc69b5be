// SPDX-License-Identifier: Apache-2.0
// The change sets have seq 0, like loaded row versions: they are older than the opening of the
// database. If a record contains a row twice, its change set has two changes of that row, in order.
// While a record is being loaded, the row versions that it makes have seq 1.
#include "engine/replayed_history.h"

#include "engine/internal.h"

#include <assert.h>

struct replayed_history {
    struct changeset *first; // a reference
    size_t n, max;
    size_t memory; // of the change sets after `first`
    // The record being loaded.
    struct row_change *changes;
    size_t n_changes, capacity;
    size_t *n_by_table;
};

struct replayed_history *replayed_history_new(struct db *db, size_t max_changes)
{
    struct replayed_history *replayed = NEW(struct replayed_history);

    replayed->first = changeset_ref(db->tail);
    replayed->max = max_changes;
    replayed->n_by_table = NEW_ARRAY(size_t, db->schema->n_tables + 1u);
    return replayed;
}

void replayed_history_free(struct replayed_history *replayed)
{
    if (replayed) {
        for (size_t i = 0; i < replayed->n_changes; i++) {
            row_unref(replayed->changes[i].old);
            row_unref(replayed->changes[i].new);
        }
        changeset_unref(replayed->first);
        free(replayed->changes);
        free(replayed->n_by_table);
        free(replayed);
    }
}

void replayed_history_add(struct replayed_history *replayed, struct row *old, struct row *new)
{
    assert(old || new);
    GROW(replayed->changes, replayed->n_changes, replayed->capacity);
    replayed->changes[replayed->n_changes++] = (struct row_change){old, new};
    replayed->n_by_table[(new ? new : old)->table->index]++;
    if (new) {
        new->seq = 1;
    }
}

// Makes a change set with the tables of the record, in schema order, each with room for its rows.
static struct changeset *make_tables(struct replayed_history *replayed, const struct db *db)
{
    size_t n_tables = 0;
    struct changeset *changes;
    struct row_change *rows;

    for (size_t i = 0; i < db->schema->n_tables; i++) {
        n_tables += replayed->n_by_table[i] != 0;
    }
    changes = changeset_new(db->schema, n_tables, replayed->n_changes);
    rows = n_tables ? changes->tables[0].rows : NULL;
    for (size_t i = 0; i < db->schema->n_tables; i++) {
        if (replayed->n_by_table[i]) {
            changes->tables[changes->n_tables++] =
                (struct table_changes){.table = &db->schema->tables[i], .rows = rows};
            rows += replayed->n_by_table[i];
            replayed->n_by_table[i] = changes->n_tables - 1; // from now on its place
        }
    }
    return changes;
}

static void move_rows(struct replayed_history *replayed, struct changeset *changes)
{
    changes->memory = sizeof(*changes) + replayed->n_changes * sizeof(struct row_change);
    for (size_t i = 0; i < replayed->n_changes; i++) {
        const struct row_change *change = &replayed->changes[i];
        const struct row *row = change->new ? change->new : change->old;
        struct table_changes *table = &changes->tables[replayed->n_by_table[row->table->index]];

        if (change->new) {
            change->new->seq = 0;
        }
        changes->memory += row_change_memory(change);
        table->rows[table->n_rows++] = *change;
    }
    replayed->n_changes = 0;
}

static void replayed_drop_first(struct replayed_history *replayed)
{
    struct changeset *next = changeset_ref(replayed->first->next);

    changeset_unref(replayed->first);
    replayed->first = next;
    assert(replayed->n && replayed->memory >= next->memory);
    replayed->memory -= next->memory;
    replayed->n--;
}

void replayed_history_end_record(struct replayed_history *replayed, struct db *db,
                                 struct uuid txn_id, size_t max_memory)
{
    struct changeset *changes = make_tables(replayed, db);

    assert(!db->tail->seq); // the database is still being loaded
    move_rows(replayed, changes);
    for (size_t i = 0; i < db->schema->n_tables; i++) {
        replayed->n_by_table[i] = 0;
    }
    changes->txn_id = txn_id;
    db_append_to_chain(db, changes);
    replayed->n++;
    replayed->memory += changes->memory;
    while (replayed->n > replayed->max || (replayed->n && replayed->memory > max_memory)) {
        replayed_drop_first(replayed);
    }
}

struct changeset *replayed_history_take(struct replayed_history *replayed)
{
    return TAKE_PTR(replayed->first);
}
