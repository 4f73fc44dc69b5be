// SPDX-License-Identifier: Apache-2.0
#include "engine/changeset.h"

#define FREED_AT_ONCE 64 // rows; what a larger change set holds goes in steps

// Change sets that nobody holds any more, each holding the next of its chain.
static _Thread_local struct changeset *dead;

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
    changes->refs++;
    return changes;
}

// Gives up at most `n` rows. Returns what is left of `n`.
static size_t free_rows(struct changeset *changes, size_t n)
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

// Its rows are gone.
static void free_one(struct changeset *changes)
{
    free(changes->comment);
    schema_unref(changes->schema);
    free(changes);
}

static void bury(struct changeset *changes)
{
    changes->next_dead = dead;
    dead = changes;
}

void changeset_unref(struct changeset *changes)
{
    if (!changes || --changes->refs) {
        return;
    }
    free_rows(changes, FREED_AT_ONCE);
    if (changes->n_tables) {
        bury(changes);
        return;
    }
    if (changes->next && !--changes->next->refs) {
        bury(changes->next);
    }
    free_one(changes);
}

bool changesets_free_some(size_t n)
{
    while (n && dead) {
        struct changeset *changes = dead;

        n = free_rows(changes, n);
        if (!changes->n_tables) {
            dead = changes->next_dead;
            if (changes->next && !--changes->next->refs) {
                bury(changes->next);
            }
            free_one(changes);
            n -= n > 0;
        }
    }
    return dead != NULL;
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
