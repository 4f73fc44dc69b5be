// SPDX-License-Identifier: Apache-2.0
#include "engine/changeset.h"

#include <assert.h>

#define FREED_AT_ONCE 64 // rows; the rest of a larger change set is freed in steps

// A change set, its tables and its rows lie one behind the other in one allocation.
static_assert(sizeof(struct changeset) % _Alignof(struct table_changes) == 0, "tables are aligned");
static_assert(sizeof(struct table_changes) % _Alignof(struct row_change) == 0, "rows are aligned");

struct changeset *changeset_new(struct schema *schema, size_t n_tables, size_t n_rows)
{
    size_t tables_at = sizeof(struct changeset);
    size_t rows_at = tables_at + n_tables * sizeof(struct table_changes);
    char *memory = xcalloc(1, rows_at + n_rows * sizeof(struct row_change));
    struct changeset *changes = (struct changeset *)memory;

    changes->refs = 1;
    changes->schema = schema_ref(schema);
    changes->tables = (struct table_changes *)(memory + tables_at);
    if (n_tables) {
        changes->tables[0].rows = (struct row_change *)(memory + rows_at);
    }
    return changes;
}

struct changeset *changeset_ref(struct changeset *changes)
{
    assert(changes->refs && changes->refs < UINT32_MAX);
    changes->refs++;
    return changes;
}

// Releases at most `n` rows. Returns `n` minus the rows released.
static size_t changes_free_rows(struct changeset *changes, size_t n)
{
    while (n && changes->n_tables) {
        struct table_changes *table = &changes->tables[changes->n_tables - 1];

        for (; n && table->n_rows; n--) {
            const struct row_change *change = &table->rows[--table->n_rows];

            row_unref(change->old);
            row_unref(change->new);
        }
        changes->n_tables -= !table->n_rows;
    }
    return n;
}

// Frees a change set whose rows have been released. Returns the next of its chain if that has no
// references any more.
static struct changeset *changes_free_empty(struct changeset *changes)
{
    struct changeset *next = changes->next;

    assert(!changes->refs && !changes->n_tables);
    free(changes->comment);
    schema_unref(changes->schema);
    free(changes);
    return next && !--next->refs ? next : NULL;
}

static struct reclaim_item *changes_make_unused(struct changeset *changes);

static struct reclaim_item *changes_reclaim(struct reclaim_item *item, size_t *budget)
{
    struct changeset *changes = CONTAINER_OF(item, struct changeset, unused);

    assert(!changes->refs);
    *budget = changes_free_rows(changes, *budget);
    if (changes->n_tables) {
        return item;
    }
    *budget -= *budget > 0;
    changes = changes_free_empty(changes);
    return changes ? changes_make_unused(changes) : NULL;
}

static struct reclaim_item *changes_make_unused(struct changeset *changes)
{
    changes->unused.step = changes_reclaim;
    return &changes->unused;
}

void changeset_unref(struct changeset *changes)
{
    assert(!changes || changes->refs);
    if (!changes || --changes->refs) {
        return;
    }
    changes_free_rows(changes, FREED_AT_ONCE);
    if (!changes->n_tables) {
        changes = changes_free_empty(changes);
    }
    if (changes) {
        reclaim_add(changes_make_unused(changes));
    }
}

const struct table_changes *changeset_find_table(const struct changeset *changes,
                                                 const struct table_schema *table)
{
    size_t low = 0, high = changes->n_tables;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct table_changes *found = &changes->tables[middle];

        if (found->table == table) {
            return found;
        }
        if (found->table->index < table->index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}
