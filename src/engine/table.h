// SPDX-License-Identifier: Apache-2.0
// A table in memory; for this layer only.
//
// Every row has an entry, found by UUID, whose address stays the same as long as the row exists.
// The entry points at the committed version and, while a transaction is open, at what that
// transaction does to the row. A row that only the open transaction knows has an entry without
// committed version.
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
    bool is_queued;    // in the garbage collection's work list
    bool is_purged;    // in the list of rows whose weak references must be purged
    bool is_indexed;   // the commit has taken `old` out of the indexes and put `new` in
};

struct entry {
    struct row *row;
    struct pending *pending;
    uint32_t n_strong;         // strong references to it from other rows
    bool is_weakly_referenced; // it has a set in table->weak_sets
};

// Who refers weakly to one row: the entries of the referring rows, each once.
struct weak_set {
    struct uuid target;
    struct htable sources; // by address
};

// Rows by the values of some columns. `committed` holds committed versions; `pending` those of the
// open transaction, as far as table_index_pending() has brought it up to date, and also stale ones.
struct index {
    const struct column **columns;
    size_t n_columns;
    bool is_unique; // of the schema; else made because a column was asked often
    struct multimap committed;
    struct multimap pending;
    uint64_t upkeep; // changes since it was last used
};

struct table {
    struct db *db;
    const struct table_schema *schema;
    struct htable entries;  // by UUID
    size_t n_rows;          // committed
    size_t freed;           // how far table_free_rows() has come through the entries
    struct index **indexes; // the schema's first
    size_t n_indexes;
    uint64_t *scanned; // by column: rows looked at one by one to find equal values; NULL: none yet
    struct htable weak_sets;      // by target UUID
    const struct column **strong; // columns with strong references
    const struct column **weak;
    const struct column **required; // columns whose default value violates a constraint
    size_t n_strong, n_weak, n_required;
    // The open transaction.
    bool is_touched;
    struct pending **fresh; // rows whose new version is not yet in index->pending
    size_t n_fresh, fresh_capacity;
    // While committing.
    size_t n_changes;
    size_t n_new_rows; // that it will have
    size_t changes_at; // in changeset.tables
};

struct table *table_new(struct db *db, const struct table_schema *schema);
void table_free(struct table *table);
// Frees at most `n` rows of a table that is only waiting to be freed; returns what is left of `n`.
size_t table_free_rows(struct table *table, size_t n);

// By UUID, or NULL; also a row that exists only in the open transaction, or was deleted by it.
struct entry *table_find_entry(const struct table *table, struct uuid uuid);
struct entry *table_add_entry(struct table *table, struct uuid uuid);
// Takes it out of the table and frees it; the row is the caller's.
void table_remove_entry(struct table *table, struct uuid uuid, struct entry *entry);

// The row as the open transaction, if any, sees it; NULL if it deleted it.
static inline struct row *entry_visible(const struct entry *entry)
{
    return entry->pending ? entry->pending->new : entry->row;
}

// The weak references to a row. The set is made, or freed, as needed.
struct weak_set *table_find_weak_set(const struct table *table, struct uuid target);
void table_add_weak(struct table *table, struct entry *target, struct entry *source);
void table_remove_weak(struct table *table, struct entry *target, struct entry *source);

// An index over some columns, empty or (table_index_column) filled with the table's rows, O(rows).
struct index *index_new(const struct column *const *columns, size_t n_columns, bool is_unique);
void index_free(struct index *index);
uint64_t index_hash(const struct index *index, const struct row *row);
bool index_values_equal(const struct index *index, const struct row *a, const struct row *b);
void table_index_column(struct table *table, const struct column *column);
// The index made for `column` alone, the schema's or another; or NULL.
struct index *table_find_index(const struct table *table, const struct column *column);
// False where equal values would leave too many rows.
bool column_is_worth_index(const struct column *column);
// Remembers that all rows have been looked at for equal values in `column`, and makes an index when
// that has become too much. True if it has.
bool table_account_scan(struct table *table, const struct column *column);
// Brings the indexes up to date with the open transaction. O(changes since the last call).
void table_index_pending(struct table *table);
// Forgets what the indexes know of the open transaction, and indexes that nobody has used for long.
void table_end_transaction(struct table *table);
