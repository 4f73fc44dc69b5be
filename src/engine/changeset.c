// SPDX-License-Identifier: Apache-2.0
#include "engine/changeset.h"

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

static void free_one(struct changeset *changes)
{
    for (size_t i = 0; i < changes->n_tables; i++) {
        for (size_t j = 0; j < changes->tables[i].n_rows; j++) {
            row_unref(changes->tables[i].rows[j].old);
            row_unref(changes->tables[i].rows[j].new);
        }
    }
    free(changes->comment);
    schema_unref(changes->schema);
    free(changes);
}

void changeset_unref(struct changeset *changes)
{
    while (changes && !--changes->refs) {
        struct changeset *next = changes->next;

        free_one(changes);
        changes = next;
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
