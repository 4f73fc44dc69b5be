// SPDX-License-Identifier: Apache-2.0
// The structures of a database and of its open transaction. For this layer only.
#pragma once

#include "engine/replayed_history.h"
#include "engine/table.h"
#include "engine/txn.h"

#include <assert.h>

#define PENDING_BLOCK 64

// The open transaction of a database, at most one. Its memory is reused for the next one.
struct txn {
    struct db *db;
    bool is_open;
    struct pending **blocks; // PENDING_BLOCK elements each, so that their addresses never change
    size_t n_blocks;
    size_t n_pending;
    struct table **tables; // that the transaction touches
    size_t n_tables, tables_capacity;
    struct buf comment;
    bool has_comment;
    bool has_purged;                 // dangling weak references of some row were removed
    const struct progress *progress; // while loading, or NULL
    // While committing, see references.c.
    struct pending **queue; // rows to be collected
    size_t n_queue, queue_capacity;
    struct pending **purge; // rows whose weak references may dangle
    size_t n_purge, purge_capacity;
};

struct db {
    struct schema *schema;
    uuid_source *new_uuid;
    struct table **tables; // by table_schema.index
    struct txn txn;
    struct changeset *tail;   // a reference
    struct commit_log *log;   // never NULL
    struct commit_log no_log; // the log "none"
    struct list observers;
    size_t memory; // of all rows, roughly
    size_t n_weak_refs;
    size_t n_incomplete;               // indexes that are being built
    struct replayed_history *replayed; // made by loading, until db_take_replayed_history(); or NULL
    const struct history *history;     // the latest of its histories, or NULL if that is freed
    size_t n_unchecked; // commits since the last db_check_structures(), if structure checks are on
};

// The approximate number of bytes that a change set keeps alive for this row.
static inline size_t row_change_memory(const struct row_change *change)
{
    return (change->old ? row_memory(change->old, change->new) : 0) +
           (change->new ? row_memory(change->new, change->old) : 0);
}
// Appends `changes` to the chain. Takes the caller's reference.
void db_append_to_chain(struct db *db, struct changeset *changes);
// Commits a change set without changes, with this seq and id, and calls the observers.
void db_commit_nothing(struct db *db, uint64_t seq, struct uuid txn_id);

// Runs db_check_structures() if structure checks are on and it is due; see check.h.
void db_check_after_commit(struct db *db);

static inline struct pending *txn_pending(const struct txn *txn, size_t i)
{
    assert(i < txn->n_pending);
    return &txn->blocks[i / PENDING_BLOCK][i % PENDING_BLOCK];
}

static inline struct table *db_table_of(const struct db *db, const struct table_schema *schema)
{
    assert(schema->index < db->schema->n_tables);
    return db->tables[schema->index];
}

// Returns what the transaction does to a row. If the transaction has not touched the row yet,
// records that it leaves the row unchanged. O(1).
struct pending *txn_touch(struct txn *txn, struct table *table, struct entry *entry);
// Returns a version of the row that may be written to. The row must exist for the transaction.
struct row *txn_write(struct txn *txn, struct table *table, struct entry *entry);
// Deletes the row.
void txn_remove(struct txn *txn, struct table *table, struct entry *entry);
// Runs all checks of a commit. Sets *ret_n_changes to the number of rows changed. After success the
// indexes refer to the new versions; unique_revert() takes that back.
struct ovsdb_error *txn_check(struct txn *txn, size_t *ret_n_changes);
// Reports to txn->progress that a step that visits every row has ended. Returns an error if the
// progress function asks to stop.
struct ovsdb_error *txn_step(const struct txn *txn);
// Makes the new versions current and ends the transaction. After txn_check(). Cannot fail.
void txn_install(struct txn *txn);
// Drops all changes of the transaction. Entries of rows that were only inserted by it are freed.
void txn_reset(struct txn *txn);
// Frees the memory that txn_reset() keeps for the next transaction.
void txn_done(struct txn *txn);
