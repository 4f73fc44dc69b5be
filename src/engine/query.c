// SPDX-License-Identifier: Apache-2.0
#include "engine/query.h"

#include "basic/counter.h"

#include <assert.h>

COUNTER(table_scans, "Times that \"where\" looked at every row of a table");
COUNTER(index_lookups, "Times that \"where\" was answered by an index");

static void add_if_match(struct query *query, struct entry *entry, const struct condition *where)
{
    const struct row *row = entry_visible(entry);

    if (row && condition_matches_all(where, row)) {
        GROW(query->entries, query->n, query->capacity);
        query->entries[query->n++] = entry;
    }
}

static const struct condition_clause *equality_on(const struct condition *where,
                                                  const struct column *column)
{
    for (size_t i = 0; i < where->n_clauses; i++) {
        if (where->clauses[i].function == COND_EQ && where->clauses[i].column == column) {
            return &where->clauses[i];
        }
    }
    return NULL;
}

// Computes the hash of the values that `where` requires in the columns of the index. False if it
// does not require equality of all of them.
static bool hash_wanted(const struct index *index, const struct condition *where, uint64_t *ret)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < index->n_columns; i++) {
        const struct column *column = index->columns[i];
        const struct condition_clause *clause = equality_on(where, column);

        if (!clause) {
            return false;
        }
        hash = datum_hash(clause->value, &column->type, hash);
    }
    *ret = hash;
    return true;
}

// The index by which the fewest rows must be visited, or NULL.
static struct index *choose_index(const struct table *table, const struct condition *where,
                                  uint64_t *ret_hash)
{
    struct index *best = NULL;
    size_t best_n = SIZE_MAX;

    for (size_t i = 0; i < table->n_indexes; i++) {
        struct index *index = table->indexes[i];
        uint64_t hash;

        if (index_is_complete(index) && hash_wanted(index, where, &hash)) {
            size_t n = multimap_count(&index->committed, hash);

            if (n < best_n) {
                best = index;
                best_n = n;
                *ret_hash = hash;
            }
        }
    }
    return best;
}

static void run_index(struct query *query, struct table *table, struct index *index, uint64_t hash,
                      const struct condition *where)
{
    struct multimap_cursor cursor;
    struct entry *entry;

    table_index_pending(table);
    multimap_start(&index->committed, hash, &cursor);
    while ((entry = multimap_next(&cursor))) {
        // Rows that the transaction has changed are found in index->pending.
        if (!entry->pending || entry->pending->new == entry->row) {
            add_if_match(query, entry, where);
        }
    }
    if (index->pending.n) {
        multimap_start(&index->pending, hash, &cursor);
        while ((entry = multimap_next(&cursor))) {
            assert(entry->pending);
            if (entry->pending->new != entry->row) {
                add_if_match(query, entry, where);
            }
        }
    }
    index->upkeep = 0;
    COUNT(index_lookups);
}

static void account_scan(struct table *table, const struct condition *where)
{
    for (size_t i = 0; i < where->n_clauses; i++) {
        if (where->clauses[i].function == COND_EQ &&
            column_is_worth_index(where->clauses[i].column)) {
            table_account_scan(table, where->clauses[i].column);
            return;
        }
    }
}

static void run_scan(struct query *query, struct table *table, const struct condition *where)
{
    struct entry *entry;

    HTABLE_FOREACH(entry, &table->entries)
    {
        add_if_match(query, entry, where);
    }
    account_scan(table, where);
    COUNT(table_scans);
}

static bool is_never(const struct condition *where)
{
    for (size_t i = 0; i < where->n_clauses; i++) {
        if (where->clauses[i].function == COND_FALSE) {
            return true;
        }
    }
    return false;
}

void query_run(struct query *query, struct table *table, const struct condition *where)
{
    const struct condition_clause *clause =
        equality_on(where, &table->schema->columns[COLUMN_UUID]);
    uint64_t hash;

    query->n = 0;
    if (is_never(where)) {
        return;
    }
    if (clause) {
        struct entry *entry = table_find_entry(table, clause->value.scalar.uuid);

        if (entry) {
            add_if_match(query, entry, where);
        }
    } else {
        struct index *index = where->n_clauses ? choose_index(table, where, &hash) : NULL;

        if (index) {
            run_index(query, table, index, hash, where);
        } else {
            run_scan(query, table, where);
        }
    }
}

void query_done(struct query *query)
{
    free(query->entries);
    *query = (struct query){0};
}
