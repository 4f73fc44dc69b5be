// SPDX-License-Identifier: Apache-2.0
// Hash indexes. Those of the schema also keep values unique. In addition a table makes an index for
// a column when scans for equal values in it have cost more than an index, and frees that index
// when its upkeep has cost more than its use is worth. Costs are counted in rows: the layer has no
// clock, and runs must be repeatable.
//
// Such an index is built in steps, while queries scan the table as before. A step visits the
// entries of an interval of positions (htable_scan()). Commits keep the part up to date that has
// been visited, and leave the rest to the later steps.
#include "engine/internal.h"

#include <assert.h>

// An index for a column is made when scans have visited so many rows.
#define SCANS_PER_ROW 4    // times the number of rows
#define SCANNED_MIN   4096 // at least
#define SMALL_TABLE   32   // tables with fewer rows get no index

// Each further scan builds a part of the index.
#define SCANS_PER_BUILD 8     // the number of rows divided by this
#define BUILD_MIN       1024u // at least so many rows

// Such an index is freed when it has been changed so many times since its last use.
#define UPKEEP_PER_ROW 4 // times the number of rows
#define UPKEEP_MIN     10000

struct index *index_new(const struct column *const *columns, size_t n_columns, bool is_unique)
{
    struct index *index = NEW(struct index);

    assert(n_columns);
    index->columns = xmemdup(columns, n_columns * sizeof(*columns));
    index->n_columns = n_columns;
    index->is_unique = is_unique;
    index->position = HTABLE_END;
    return index;
}

void index_free(struct index *index)
{
    multimap_done(&index->committed);
    multimap_done(&index->pending);
    free(index->columns);
    free(index);
}

uint64_t index_hash(const struct index *index, const struct row *row)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < index->n_columns; i++) {
        const struct column *column = index->columns[i];

        hash = datum_hash(row_get(row, column), &column->type, hash);
    }
    return hash;
}

bool index_values_equal(const struct index *index, const struct row *a, const struct row *b)
{
    for (size_t i = 0; i < index->n_columns; i++) {
        const struct column *column = index->columns[i];

        if (!datum_equals(row_get(a, column), row_get(b, column), &column->type)) {
            return false;
        }
    }
    return true;
}

static struct index *find_index(const struct table *table, const struct column *column)
{
    for (size_t i = 0; i < table->n_indexes; i++) {
        if (table->indexes[i]->n_columns == 1 && table->indexes[i]->columns[0] == column) {
            return table->indexes[i];
        }
    }
    return NULL;
}

struct index *table_find_index(const struct table *table, const struct column *column)
{
    struct index *index = find_index(table, column);

    return index && index_is_complete(index) ? index : NULL;
}

void table_index_column(struct table *table, const struct column *column)
{
    struct index *index = index_new(&column, 1, false);

    assert(!find_index(table, column));
    index->position = 0;
    table->indexes = xreallocarray(table->indexes, table->n_indexes + 1, sizeof(*table->indexes));
    table->indexes[table->n_indexes++] = index;
    table->db->n_incomplete++;
}

struct build {
    struct index *index;
    size_t n_seen;
};

static void on_build_visit(void *userdata, void *item)
{
    struct build *build = userdata;
    struct index *index = build->index;
    struct entry *entry = item;
    const struct pending *pending = entry->pending;

    build->n_seen++;
    if (entry->row) {
        multimap_add(&index->committed, index_hash(index, entry->row), entry);
    }
    // The open transaction may have changed the row before the index was started.
    if (pending && pending->new && pending->new != pending->old) {
        multimap_add(&index->pending, index_hash(index, pending->new), entry);
    }
}

// As table_build_indexes().
static size_t index_build(struct table *table, struct index *index, size_t n)
{
    struct build build = {.index = index};

    // Each interval counts as a row: a table that has shrunk has many empty ones.
    for (; n && !index_is_complete(index); n -= MIN(n, MAX(build.n_seen, 1u))) {
        build.n_seen = 0;
        index->position = htable_scan(&table->entries, index->position, on_build_visit, &build);
        if (index_is_complete(index)) {
            assert(table->db->n_incomplete);
            table->db->n_incomplete--;
        }
    }
    return n;
}

size_t table_build_indexes(struct table *table, size_t n)
{
    for (size_t i = 0; i < table->n_indexes; i++) {
        n = index_build(table, table->indexes[i], n);
    }
    return n;
}

bool db_build_indexes(struct db *db, size_t n)
{
    for (size_t i = 0; i < db->schema->n_tables && n && db->n_incomplete; i++) {
        n = table_build_indexes(db->tables[i], n);
    }
    return db->n_incomplete;
}

bool column_is_worth_index(const struct column *column)
{
    return column->index > COLUMN_VERSION &&
           !(type_is_scalar(&column->type) && column->type.key.type == ATOM_BOOLEAN);
}

// True if scans of `n` rows that have visited `scanned` rows in all justify an index.
static bool is_scanned_enough(size_t n, uint64_t scanned)
{
    return n >= SMALL_TABLE && scanned >= SCANNED_MIN && scanned / SCANS_PER_ROW >= n;
}

bool table_account_scan(struct table *table, const struct column *column)
{
    struct index *index = find_index(table, column);
    size_t n = table->entries.n;

    assert(column->index < table->schema->n_columns);
    assert(!index || !index_is_complete(index));
    if (!index) {
        if (!table->scanned) {
            table->scanned = NEW_ARRAY(uint64_t, table->schema->n_columns);
        }
        table->scanned[column->index] += n;
        if (!is_scanned_enough(n, table->scanned[column->index])) {
            return false;
        }
        table->scanned[column->index] = 0;
        table_index_column(table, column);
        index = find_index(table, column);
    }
    index_build(table, index, MAX(n / SCANS_PER_BUILD, BUILD_MIN));
    return index_is_complete(index);
}

bool table_is_indexed(struct table *table, const struct column *column)
{
    struct index *index = table_find_index(table, column);

    if (index) {
        index->upkeep = 0;
    }
    return index || column->index == COLUMN_UUID ||
           (column_is_worth_index(column) && table_account_scan(table, column));
}

static void find_in_index(const struct index *index, union datum value,
                          void (*found)(void *userdata, struct row *row), void *userdata)
{
    const struct column *column = index->columns[0];
    struct multimap_cursor cursor;
    const struct entry *entry;

    multimap_start(&index->committed, datum_hash(value, &column->type, 0), &cursor);
    while ((entry = multimap_next(&cursor))) {
        assert(entry->row);
        if (datum_equals(row_get(entry->row, column), value, &column->type)) {
            found(userdata, entry->row);
        }
    }
}

void table_find_equal(const struct table *table, const struct column *column, union datum value,
                      void (*found)(void *userdata, struct row *row), void *userdata)
{
    const struct index *index = table_find_index(table, column);
    struct row *row;

    if (column->index == COLUMN_UUID) {
        row = table_find(table, value.scalar.uuid);
        if (row) {
            found(userdata, row);
        }
    } else if (index) {
        find_in_index(index, value, found, userdata);
    } else {
        for (size_t state = 0; (row = table_next(table, &state));) {
            if (datum_equals(row_get(row, column), value, &column->type)) {
                found(userdata, row);
            }
        }
    }
}

size_t table_count_equal(const struct table *table, const struct column *column, union datum value)
{
    const struct index *index = table_find_index(table, column);

    return index ? multimap_count(&index->committed, datum_hash(value, &column->type, 0)) : 1;
}

void table_index_pending(struct table *table)
{
    for (size_t i = 0; i < table->n_fresh; i++) {
        struct pending *pending = table->fresh[i];

        assert(pending->is_fresh && pending->table == table);
        pending->is_fresh = false;
        for (size_t j = 0; j < table->n_indexes && pending->new; j++) {
            struct index *index = table->indexes[j];

            multimap_add(&index->pending, index_hash(index, pending->new), pending->entry);
        }
    }
    table->n_fresh = 0;
}

void table_end_transaction(struct table *table)
{
    table->n_fresh = 0;
    for (size_t i = 0; i < table->n_indexes;) {
        struct index *index = table->indexes[i];

        if (index->pending.n) {
            multimap_done(&index->pending);
        }
        if (!index->is_unique && index->upkeep > UPKEEP_MIN &&
            index->upkeep / UPKEEP_PER_ROW > table->n_rows) {
            table->db->n_incomplete -= !index_is_complete(index);
            index_free(index);
            table->indexes[i] = table->indexes[--table->n_indexes];
        } else {
            i++;
        }
    }
}
