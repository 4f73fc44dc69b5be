// SPDX-License-Identifier: Apache-2.0
// What a database is made of; for this layer only.
#pragma once

#include "engine/replayed_history.h"
#include "engine/table.h"
#include "engine/txn.h"

#define PENDING_BLOCK 64

// The one open transaction of a database. Its memory is kept from one to the next.
struct txn {
    struct db *db;
    bool is_open;
    struct pending **blocks; // of PENDING_BLOCK each, so that addresses stay the same
    size_t n_blocks;
    size_t n_pending;
    struct table **tables; // that it touches
    size_t n_tables, tables_capacity;
    struct buf comment;
    bool has_comment;
    bool has_purged;                 // weak references of some row
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
    struct changeset *tail; // a reference
    struct db_log *log;
    struct list observers;
    size_t memory; // of all rows, roughly
    size_t n_weak_refs;
    struct replayed_history *replayed; // while and after loading, or NULL
    const struct history *history;     // that observes it, or NULL
    size_t n_unchecked; // commits since the last db_check_structures(), if structure checks are on
};

// Roughly the bytes that a change set keeps alive for this row.
static inline size_t row_change_memory(const struct row_change *change)
{
    return (change->old ? row_memory(change->old, change->new) : 0) +
           (change->new ? row_memory(change->new, change->old) : 0);
}
// Takes `changes`: it is the new end of the chain.
void db_append_to_chain(struct db *db, struct changeset *changes);
// Appends a change set without changes, as a transaction of its own.
void db_commit_nothing(struct db *db, uint64_t seq, struct uuid txn_id);

// Runs db_check_structures() if structure checks are on and it is due; see check.h.
void db_check_after_commit(struct db *db);

static inline struct pending *txn_pending(const struct txn *txn, size_t i)
{
    return &txn->blocks[i / PENDING_BLOCK][i % PENDING_BLOCK];
}

static inline struct table *db_table_of(const struct db *db, const struct table_schema *schema)
{
    return db->tables[schema->index];
}

// The transaction's view of a row that has an entry, made if it has none yet. O(1).
struct pending *txn_touch(struct txn *txn, struct table *table, struct entry *entry);
// A row's writable version; the row must be visible.
struct row *txn_write(struct txn *txn, struct table *table, struct entry *entry);
void txn_remove(struct txn *txn, struct table *table, struct entry *entry);
// The checks of a commit, all that can fail but the log; after success the indexes show the new
// versions.
struct ovsdb_error *txn_check(struct txn *txn, size_t *ret_n_changes);
// Tells that one of the steps that look at every row is over. An error if that is to be the last.
struct ovsdb_error *txn_step(const struct txn *txn);
// Makes the new versions current and ends the transaction.
void txn_install(struct txn *txn);
// Forgets everything that is pending. Rows that only the transaction knew are gone.
void txn_reset(struct txn *txn);
// Frees what txn_reset() keeps for the next one.
void txn_done(struct txn *txn);
