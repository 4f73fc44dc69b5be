// SPDX-License-Identifier: Apache-2.0
// A database in memory: its schema, tables of current row versions, indexes, reference counts, and
// the chain of change sets. Each commit appends one change set to the chain.
#pragma once

#include "basic/list.h"
#include "basic/progress.h"
#include "engine/changeset.h"
#include "engine/commit_log.h"

struct db;
struct table;

// committed() is called for every commit right after the commit has become visible. Observers are
// called in order of registration. An observer may remove itself, and may run transactions on other
// databases, but not on this one.
struct db_observer {
    void (*committed)(struct db_observer *observer, struct db *db, struct changeset *changes);
    // What follows `last` in the chain is withdrawn (engine/undo.h): the rows are as they were
    // after `last`, and the chain is cut after all observers were called. May be NULL.
    void (*withdrawn)(struct db_observer *observer, struct db *db, struct changeset *last);
    struct list node;
};

// Makes an empty database. Takes a reference to `schema`. `new_uuid` makes the UUIDs of rows, and
// of transactions that no log records; the first database of the process takes the key of row
// versions from it too (row_version()).
struct db *db_new(struct schema *schema, uuid_source *new_uuid);
// NULL allowed. The database must have no observers and no open transaction.
void db_free(struct db *db);
// Frees a database in steps. No other function of this layer may be called for it any more, but
// these three, in this order: db_free_rows() until it returns false, db_free_tables(), db_free().
// Frees at most `n` rows. Returns true if rows may be left.
bool db_free_rows(struct db *db, size_t n);
// Frees the tables. Any thread.
void db_free_tables(struct db *db);
struct schema *db_schema(const struct db *db); // borrowed
// From now on commits are appended to `log`, which must outlive this; NULL: to the log "none".
void db_set_log(struct db *db, struct commit_log *log);
// The last position that the log has issued: output that shows the database waits for it (I-6).
struct position db_last_position(const struct db *db);
void db_add_observer(struct db *db, struct db_observer *observer);
void db_remove_observer(struct db_observer *observer);
// The last change set of the chain. Before the first commit this is an empty one with seq 0.
// Borrowed.
struct changeset *db_tail(const struct db *db);
// Sets the id of the last transaction. For the store, after loading.
void db_set_last_txn_id(struct db *db, struct uuid txn_id);
// The same for contents with the values of all columns, ephemeral ones too, as if one transaction
// had inserted them. For a copy of another server's database. Before there are observers.
void db_set_loaded_txn_id(struct db *db, struct uuid txn_id);

struct table *db_table(const struct db *db, const struct table_schema *table);
size_t table_n_rows(const struct table *table);
// The current version of a row, or NULL. Borrowed. O(1).
struct row *table_find(const struct table *table, struct uuid uuid);
// Returns the current rows one after another, in no particular order, then NULL. Start with
// *state = 0. The database must not change between the calls.
struct row *table_next(const struct table *table, size_t *state);

// True if table_find_equal() for `column` does not have to visit every row: for _uuid, and for
// columns with an index of their own. If there is none, the call counts as a scan of the whole
// table. After enough scans an index is started, which db_build_indexes() completes.
bool table_is_indexed(struct table *table, const struct column *column);
// Visits about `n` rows for indexes that are being built. Returns true if rows are left. O(n), and
// O(1) if no index is being built.
bool db_build_indexes(struct db *db, size_t n);
// Calls found() for each current row whose `column` has this value. O(rows found) if
// table_is_indexed(), else O(rows).
void table_find_equal(const struct table *table, const struct column *column, union datum value,
                      void (*found)(void *userdata, struct row *row), void *userdata);
// An estimate of the number of rows that table_find_equal() finds, if table_is_indexed(). O(1).
size_t table_count_equal(const struct table *table, const struct column *column, union datum value);

// Loading, before the first commit: stored rows are applied directly and unchecked;
// db_load_finish() ends the loading.
//
// Returns the row to be filled in with row_set(): the existing row, or a new one with defaults.
// Sets *ret_is_new accordingly. Borrowed.
struct row *db_load_row(struct db *db, const struct table_schema *table, struct uuid uuid,
                        bool *ret_is_new);
// Deletes a row. Returns false if there is no such row.
bool db_load_delete(struct db *db, const struct table_schema *table, struct uuid uuid);
// Starts the replayed history: from now on the changes of each record are kept as a change set, and
// at most `max_changes` change sets are kept. db_set_last_txn_id() must have been called with the
// id of the last record loaded before.
void db_load_keep_history(struct db *db, size_t max_changes);
// Ends a record: everything loaded since the last call was one transaction with the id `txn_id`.
// Drops the oldest change sets if all take more than about `max_memory` bytes. Requires a replayed
// history. O(rows changed + tables).
void db_load_end_record(struct db *db, struct uuid txn_id, size_t max_memory);
// Ends the loading: builds indexes and reference counts, purges dangling weak references, and
// checks every constraint. On error the database must be freed. `progress` may be NULL.
// O(database).
struct ovsdb_error *db_load_finish(struct db *db, const struct progress *progress);
// Takes the start of the replayed history: a change set of which only the id is meaningful; its
// successors are the changes that loading has kept. Without a replayed history, and after the first
// call, returns the tail of the chain. The reference is the caller's.
struct changeset *db_take_replayed_history(struct db *db);

// The number of rows in all tables. O(tables).
size_t db_n_rows(const struct db *db);
// Numbers for memory/show.
struct db_usage {
    size_t n_rows;
    size_t n_cells; // columns x rows
    size_t n_weak_refs;
};
// Roughly the bytes that the current versions of all rows take.
size_t db_memory(const struct db *db);
void db_usage(const struct db *db, struct db_usage *ret);
