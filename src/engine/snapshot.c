// SPDX-License-Identifier: Apache-2.0
// The tables are walked one after another by htable_scan(). If a commit replaces a row before the
// walk has reached it, the observer collects the old version. The walk skips the new version, whose
// seq is higher than that of the moment.
#include "engine/snapshot.h"

#include "engine/internal.h"

#include <assert.h>

struct collected {
    struct row **rows;
    size_t n, capacity;
    bool is_skipped;
};

struct snapshot {
    struct db *db; // NULL: all rows are collected
    struct schema *schema;
    struct db_observer observer;
    struct changeset *moment; // a reference
    struct collected *tables; // by table index
    size_t table;             // the one being walked
    uint64_t position;        // of the walk in that table
    size_t n_seen;            // rows visited in this call of snapshot_collect()
};

static void collect_row(struct collected *table, struct row *row)
{
    if (table->is_skipped) {
        return;
    }
    GROW(table->rows, table->n, table->capacity);
    table->rows[table->n++] = row;
}

static bool is_of_the_moment(const struct snapshot *snapshot, const struct row *row)
{
    return row && row->seq <= snapshot->moment->seq;
}

static bool is_walked(const struct snapshot *snapshot, const struct row *row)
{
    size_t table = row->table->index;

    return table < snapshot->table || (table == snapshot->table &&
                                       htable_is_scanned(uuid_hash(row->uuid), snapshot->position));
}

static void on_committed(struct db_observer *observer, struct db *db, struct changeset *changes)
{
    struct snapshot *snapshot = CONTAINER_OF(observer, struct snapshot, observer);

    for (size_t i = 0; i < changes->n_tables; i++) {
        for (size_t j = 0; j < changes->tables[i].n_rows; j++) {
            struct row *old = changes->tables[i].rows[j].old;

            if (is_of_the_moment(snapshot, old) && !is_walked(snapshot, old)) {
                collect_row(&snapshot->tables[old->table->index], old);
            }
        }
    }
}

// True if the walk will find this row again.
static bool is_walked_later(const struct snapshot *snapshot, const struct row *row)
{
    return !is_walked(snapshot, row) &&
           table_find(db_table(snapshot->db, row->table), row->uuid) == row;
}

// Rows that were collected because the withdrawn commits had replaced them are current again.
static void on_withdrawn(struct db_observer *observer, struct db *db, struct changeset *last)
{
    struct snapshot *snapshot = CONTAINER_OF(observer, struct snapshot, observer);

    assert(snapshot->moment->seq <= last->seq);
    for (size_t i = 0; i < snapshot->schema->n_tables; i++) {
        struct collected *table = &snapshot->tables[i];
        size_t n = 0;

        for (size_t j = 0; j < table->n; j++) {
            if (!is_walked_later(snapshot, table->rows[j])) {
                table->rows[n++] = table->rows[j];
            }
        }
        table->n = n;
    }
}

struct snapshot *snapshot_new(struct db *db)
{
    struct snapshot *snapshot = NEW(struct snapshot);

    snapshot->db = db;
    snapshot->schema = schema_ref(db->schema);
    snapshot->moment = changeset_ref(db->tail);
    snapshot->tables = NEW_ARRAY(struct collected, db->schema->n_tables + 1u);
    snapshot->observer.committed = on_committed;
    snapshot->observer.withdrawn = on_withdrawn;
    db_add_observer(db, &snapshot->observer);
    return snapshot;
}

void snapshot_skip_table(struct snapshot *snapshot, size_t table)
{
    assert(table < snapshot->schema->n_tables);
    assert(!snapshot->table && !snapshot->position);
    snapshot->tables[table].is_skipped = true;
}

static void on_visit(void *userdata, void *item)
{
    struct snapshot *snapshot = userdata;
    const struct entry *entry = item;

    snapshot->n_seen++;
    if (is_of_the_moment(snapshot, entry->row)) {
        collect_row(&snapshot->tables[snapshot->table], entry->row);
    }
}

static void stop_collecting(struct snapshot *snapshot)
{
    if (snapshot->db) {
        db_remove_observer(&snapshot->observer);
        snapshot->db = NULL;
    }
}

bool snapshot_collect(struct snapshot *snapshot, size_t n)
{
    // Each stretch counts as a row: a table that has shrunk has many empty ones.
    for (snapshot->n_seen = 0; snapshot->db && snapshot->n_seen < n; snapshot->n_seen++) {
        if (snapshot->table == snapshot->schema->n_tables) {
            stop_collecting(snapshot);
        } else if (snapshot->position == HTABLE_END ||
                   snapshot->tables[snapshot->table].is_skipped) {
            snapshot->table++;
            snapshot->position = 0;
        } else {
            snapshot->position = htable_scan(&snapshot->db->tables[snapshot->table]->entries,
                                             snapshot->position, on_visit, snapshot);
        }
    }
    return snapshot->db != NULL;
}

struct row *const *snapshot_rows(const struct snapshot *snapshot, size_t table, size_t *ret_n)
{
    assert(!snapshot->db); // all rows are collected
    assert(table < snapshot->schema->n_tables);
    *ret_n = snapshot->tables[table].n;
    return snapshot->tables[table].rows;
}

const struct schema *snapshot_schema(const struct snapshot *snapshot)
{
    return snapshot->schema;
}

size_t snapshot_n_rows(const struct snapshot *snapshot)
{
    size_t n = 0;

    for (size_t i = 0; i < snapshot->schema->n_tables; i++) {
        n += snapshot->tables[i].n;
    }
    return n;
}

struct changeset *snapshot_moment(const struct snapshot *snapshot)
{
    return snapshot->moment;
}

void snapshot_free(struct snapshot *snapshot)
{
    if (!snapshot) {
        return;
    }
    stop_collecting(snapshot);
    changeset_unref(snapshot->moment);
    for (size_t i = 0; i < snapshot->schema->n_tables; i++) {
        free(snapshot->tables[i].rows);
    }
    free(snapshot->tables);
    schema_unref(snapshot->schema);
    free(snapshot);
}
