// SPDX-License-Identifier: Apache-2.0
// The change sets have seq 0, as the row versions have that were loaded: of a time before the
// database was opened, known by its stored values only. A record that has a row twice changes it
// twice, in order.
#include "engine/trail.h"

#include "engine/internal.h"

struct trail {
    struct changeset *first; // a reference
    size_t n, max;
    size_t memory; // of those after `first`
    // The record being loaded.
    struct row_change *changes;
    size_t n_changes, capacity;
    size_t *n_by_table;
};

struct trail *trail_new(struct db *db, size_t max_changes)
{
    struct trail *trail = NEW(struct trail);

    trail->first = changeset_ref(db->tail);
    trail->max = max_changes;
    trail->n_by_table = NEW_ARRAY(size_t, db->schema->n_tables + 1u);
    return trail;
}

void trail_free(struct trail *trail)
{
    if (trail) {
        for (size_t i = 0; i < trail->n_changes; i++) {
            row_unref(trail->changes[i].old);
            row_unref(trail->changes[i].new);
        }
        changeset_unref(trail->first);
        free(trail->changes);
        free(trail->n_by_table);
        free(trail);
    }
}

void trail_add(struct trail *trail, struct row *old, struct row *new)
{
    GROW(trail->changes, trail->n_changes, trail->capacity);
    trail->changes[trail->n_changes++] = (struct row_change){old, new};
    trail->n_by_table[(new ? new : old)->table->index]++;
    if (new) {
        new->seq = 1;
    }
}

// The tables of the record, in the schema's order, each with room for its rows.
static struct changeset *make_tables(struct trail *trail, const struct db *db)
{
    size_t n_tables = 0;
    struct changeset *changes;
    struct row_change *rows;

    for (size_t i = 0; i < db->schema->n_tables; i++) {
        n_tables += trail->n_by_table[i] != 0;
    }
    changes = changeset_new(db->schema, n_tables, trail->n_changes);
    rows = n_tables ? changes->tables[0].rows : NULL;
    for (size_t i = 0; i < db->schema->n_tables; i++) {
        if (trail->n_by_table[i]) {
            changes->tables[changes->n_tables++] =
                (struct table_changes){.table = &db->schema->tables[i], .rows = rows};
            rows += trail->n_by_table[i];
            trail->n_by_table[i] = changes->n_tables - 1; // where to find it
        }
    }
    return changes;
}

static void move_rows(struct trail *trail, struct changeset *changes)
{
    changes->memory = sizeof(*changes) + trail->n_changes * sizeof(struct row_change);
    for (size_t i = 0; i < trail->n_changes; i++) {
        const struct row_change *change = &trail->changes[i];
        const struct row *row = change->new ? change->new : change->old;
        struct table_changes *table = &changes->tables[trail->n_by_table[row->table->index]];

        if (change->new) {
            change->new->seq = 0;
        }
        changes->memory += row_change_memory(change);
        table->rows[table->n_rows++] = *change;
    }
    trail->n_changes = 0;
}

static void drop_first(struct trail *trail)
{
    struct changeset *next = changeset_ref(trail->first->next);

    changeset_unref(trail->first);
    trail->first = next;
    trail->memory -= next->memory;
    trail->n--;
}

void trail_end_record(struct trail *trail, struct db *db, struct uuid txn_id, size_t max_memory)
{
    struct changeset *changes = make_tables(trail, db);

    move_rows(trail, changes);
    for (size_t i = 0; i < db->schema->n_tables; i++) {
        trail->n_by_table[i] = 0;
    }
    changes->txn_id = txn_id;
    db_append_to_chain(db, changes);
    trail->n++;
    trail->memory += changes->memory;
    while (trail->n > trail->max || (trail->n && trail->memory > max_memory)) {
        drop_first(trail);
    }
}

struct changeset *trail_take(struct trail *trail)
{
    return TAKE_PTR(trail->first);
}
