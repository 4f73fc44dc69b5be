// SPDX-License-Identifier: Apache-2.0
#include "monitor/coalesced.h"

#include <assert.h>

struct changed_row {
    struct uuid uuid;
    struct row *old; // a reference; NULL: the row did not exist
};

struct coalesced {
    const struct monitor_spec *spec;
    size_t memory;
    struct htable tables[]; // struct changed_row by UUID; parallel to spec->tables
};

struct coalesced *coalesced_new(const struct monitor_spec *spec)
{
    struct coalesced *coalesced =
        xcalloc(1, sizeof(*coalesced) + spec->n_tables * sizeof(struct htable));

    coalesced->spec = spec;
    return coalesced;
}

static void changed_row_free(struct changed_row *entry)
{
    row_unref(entry->old);
    free(entry);
}

void coalesced_free(struct coalesced *coalesced)
{
    struct changed_row *entry;

    if (!coalesced) {
        return;
    }
    for (size_t i = 0; i < coalesced->spec->n_tables; i++) {
        HTABLE_FOREACH(entry, &coalesced->tables[i])
        {
            changed_row_free(entry);
        }
        htable_done(&coalesced->tables[i]);
    }
    free(coalesced);
}

static size_t changed_row_memory(const struct changed_row *entry)
{
    return sizeof(*entry) + (entry->old ? row_memory(entry->old, NULL) : 0);
}

static struct changed_row *find_entry(const struct htable *entries, struct uuid uuid, uint64_t hash)
{
    struct changed_row *entry;

    HTABLE_FOREACH_WITH_HASH(entry, entries, hash)
    {
        if (uuid_equals(entry->uuid, uuid)) {
            return entry;
        }
    }
    return NULL;
}

// Adds, keeps or removes the entry of a row. A row that the monitor showed neither before the first
// commit nor shows now has none, even if the monitor would have shown it in between.
static void coalesced_add_row(struct coalesced *coalesced, size_t i,
                              const struct row_change *change)
{
    const struct monitor_table *table = &coalesced->spec->tables[i];
    struct htable *entries = &coalesced->tables[i];
    struct uuid uuid = (change->new ? change->new : change->old)->uuid;
    uint64_t hash = uuid_hash(uuid);
    struct changed_row *entry = find_entry(entries, uuid, hash);

    assert(change->old || change->new);
    if (!monitor_table_shows(table, change->new) &&
        !monitor_table_shows(table, entry ? entry->old : change->old)) {
        if (entry) {
            size_t memory = changed_row_memory(entry);

            assert(coalesced->memory >= memory);
            coalesced->memory -= memory;
            htable_remove(entries, hash, entry);
            changed_row_free(entry);
        }
    } else if (!entry) {
        entry = NEW(struct changed_row);
        entry->uuid = uuid;
        entry->old = change->old ? row_ref(change->old) : NULL;
        htable_insert(entries, hash, entry);
        coalesced->memory += changed_row_memory(entry);
    }
}

void coalesced_add(struct coalesced *coalesced, const struct changeset *changes)
{
    for (; changes; changes = changes->next) {
        for (size_t i = 0; i < coalesced->spec->n_tables; i++) {
            const struct table_changes *table =
                changeset_find_table(changes, coalesced->spec->tables[i].table);

            for (size_t j = 0; table && j < table->n_rows; j++) {
                coalesced_add_row(coalesced, i, &table->rows[j]);
            }
        }
    }
}

void coalesced_write(const struct coalesced *coalesced, struct db *db, struct updates *updates)
{
    for (size_t i = 0; i < coalesced->spec->n_tables; i++) {
        const struct monitor_table *table = &coalesced->spec->tables[i];
        const struct table *rows = db_table(db, table->table);
        const struct changed_row *entry;

        HTABLE_FOREACH(entry, &coalesced->tables[i])
        {
            updates_change(updates, table, entry->old, table_find(rows, entry->uuid));
        }
    }
}

size_t coalesced_n_rows(const struct coalesced *coalesced)
{
    size_t n = 0;

    for (size_t i = 0; i < coalesced->spec->n_tables; i++) {
        n += coalesced->tables[i].n;
    }
    return n;
}

size_t coalesced_memory(const struct coalesced *coalesced)
{
    return coalesced->memory;
}
