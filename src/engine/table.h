// SPDX-License-Identifier: Apache-2.0
// A table in memory. For this layer only.
//
// Every row has an entry, which is found by UUID and keeps its address as long as the row exists.
// The entry points to the committed version and, if the open transaction has touched the row, to
// its pending state. A row that the open transaction has inserted has an entry without committed
// version.
#pragma once

#include "engine/condition.h"
#include "engine/db.h"
#include "engine/multimap.h"

// What the open transaction does to one row.
struct pending {
    struct entry *entry;
    struct table *table;
    struct uuid uuid;
    struct row *old;   // the committed version, borrowed; NULL: inserted by this transaction
    struct row *new;   // == old: only its reference count changes; NULL: deleted; else owned
    uint32_t n_strong; // strong references as they will be after the commit
    bool is_fresh;     // in table->fresh
    bool is_queued;    // in txn->queue
    bool is_purged;    // in txn->purge
    bool is_indexed;   // the indexes refer to `new` instead of `old`
};

struct entry {
    struct row *row;
    struct pending *pending;
    uint32_t n_strong;         // strong references from other rows to this one (I-4)
    bool is_weakly_referenced; // there is a set for this row in table->weak_sets
};

// The rows that refer weakly to one row: their entries, each once. Never empty.
struct weak_set {
    struct uuid target;
    struct htable sources; // struct entry by address
};

// Entries by the values of some columns. `committed` has the committed versions. `pending` has the
// versions of the open transaction as of the last table_index_pending(); it may also have entries
// under values that the transaction has changed again.
struct index {
    const struct column **columns;
    size_t n_columns;
    bool is_unique; // an index of the schema; else one that table_account_scan() has made
    struct multimap committed;
    struct multimap pending;
    uint64_t upkeep; // changes of the index since the last look-up
    // The htable_scan() of table->entries that fills `committed`. `committed` has exactly the rows
    // that it has visited. HTABLE_END: the index is complete and may be used.
    uint64_t position;
};

static inline bool index_is_complete(const struct index *index)
{
    return index->position == HTABLE_END;
}

// True if `committed` has the committed version of a row, if there is one.
static inline bool index_covers(const struct index *index, struct uuid uuid)
{
    return htable_is_scanned(uuid_hash(uuid), index->position);
}

struct table {
    struct db *db;
    const struct table_schema *schema;
    struct htable entries;  // by UUID
    size_t n_rows;          // committed
    size_t freed;           // position of table_free_rows() in `entries`
    struct index **indexes; // first those of the schema
    size_t n_indexes;
    uint64_t *scanned;       // by column: rows visited in scans for equal values; NULL: no scan yet
    struct htable weak_sets; // by target UUID
    const struct column **strong; // columns with strong references
    const struct column **weak;
    const struct column **required; // columns whose default value violates a constraint
    size_t n_strong, n_weak, n_required;
    // The open transaction.
    bool is_touched;
    struct pending **fresh; // rows whose new version is not in index->pending yet
    size_t n_fresh, fresh_capacity;
    // While committing.
    size_t n_changes;
    size_t n_new_rows; // the number of rows after the commit
    size_t changes_at; // its place in changeset.tables
};

struct table *table_new(struct db *db, const struct table_schema *schema);
void table_free(struct table *table);
// Frees at most `n` rows of a table that will be freed next. Returns `n` minus the rows freed.
size_t table_free_rows(struct table *table, size_t n);

// The entry of a row, or NULL. Finds rows that the open transaction has inserted or deleted, too.
struct entry *table_find_entry(const struct table *table, struct uuid uuid);
struct entry *table_add_entry(struct table *table, struct uuid uuid);
// Removes an entry from the table and frees it. Does not release the row.
void table_remove_entry(struct table *table, struct uuid uuid, struct entry *entry);

// The row version that the open transaction, if any, sees. NULL: the transaction deleted the row.
static inline struct row *entry_visible(const struct entry *entry)
{
    return entry->pending ? entry->pending->new : entry->row;
}

// The weak referrers of a row: finds them (or NULL), adds one, removes one. The set is made with
// the first referrer and freed with the last one.
struct weak_set *table_find_weak_set(const struct table *table, struct uuid target);
void table_add_weak(struct table *table, struct entry *target, struct entry *source);
void table_remove_weak(struct table *table, struct entry *target, struct entry *source);

// Makes a complete index of an empty table. Copies `columns`.
struct index *index_new(const struct column *const *columns, size_t n_columns, bool is_unique);
void index_free(struct index *index);
uint64_t index_hash(const struct index *index, const struct row *row);
bool index_values_equal(const struct index *index, const struct row *a, const struct row *b);
// Adds an index over one column to the table, which is not complete.
void table_index_column(struct table *table, const struct column *column);
// Continues the indexes that are not complete with about `n` rows. Returns `n` minus the rows
// visited.
size_t table_build_indexes(struct table *table, size_t n);
// The complete index over `column` alone, or NULL.
struct index *table_find_index(const struct table *table, const struct column *column);
// False if too many rows have equal values in such a column.
bool column_is_worth_index(const struct column *column);
// Counts one scan of all rows for equal values in `column`. Starts an index if the scans so far
// have cost more than an index would, and builds a part of it: a transaction with many scans
// completes it, though db_build_indexes() is not called meanwhile. Returns true if it is complete.
bool table_account_scan(struct table *table, const struct column *column);
// Adds the new versions of the open transaction to index->pending. O(changes since the last call).
void table_index_pending(struct table *table);
// Clears index->pending, and frees indexes that have cost more upkeep than their use is worth.
void table_end_transaction(struct table *table);
