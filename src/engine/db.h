// SPDX-License-Identifier: Apache-2.0
// A database in memory: schema, tables of current row versions, indexes, reference counts, and the
// chain of change sets that its commits append to.
#pragma once

#include "basic/list.h"
#include "basic/progress.h"
#include "engine/changeset.h"

struct db;
struct table;

// The commit log's side of a commit (DESIGN: append(change set, durable) -> ticket). Implemented by
// the store; without one (tests, relay) commits live in memory only.
struct db_log {
    // Called after every check has passed and before the change is visible. Sets changes->txn_id.
    // On success returns NULL and *ret_ticket: outputs that show this commit leave only when the
    // ticket is synced (0: at once). An error ("I/O error") rejects the transaction without a
    // trace.
    struct ovsdb_error *(*append)(struct db_log *log, struct changeset *changes, bool durable,
                                  uint64_t *ret_ticket);
};

// Told of every commit, right after it became visible, in order of registration. It may remove
// itself, and run transactions on other databases, but not on this one.
struct db_observer {
    void (*committed)(struct db_observer *observer, struct db *db, struct changeset *changes);
    struct list node;
};

// Makes an empty database. Takes a reference to `schema`. `new_uuid` makes the UUIDs of rows, and of
// transactions that no log records; the first database of the process takes the key of row
// versions from it too (row_version()).
struct db *db_new(struct schema *schema, uuid_source *new_uuid);
void db_free(struct db *db);
// The same little by little, of a database that nobody uses any more: at most `n` rows (true: call
// again); what tables have beside rows, by any thread; and then db_free().
bool db_free_rows(struct db *db, size_t n);
void db_free_tables(struct db *db);
struct schema *db_schema(const struct db *db); // borrowed
void db_set_log(struct db *db, struct db_log *log);
void db_add_observer(struct db *db, struct db_observer *observer);
void db_remove_observer(struct db_observer *observer);
// The last change set of the chain; there always is one: before the first commit an empty one with
// seq 0. Borrowed.
struct changeset *db_tail(const struct db *db);
// The id of the last transaction, which the store sets after loading.
void db_set_last_txn_id(struct db *db, struct uuid txn_id);

struct table *db_table(const struct db *db, const struct table_schema *table);
size_t table_n_rows(const struct table *table);
// The current version of a row, or NULL. Borrowed. O(1).
struct row *table_find(const struct table *table, struct uuid uuid);
// All rows in no particular order: start with *state = 0, call until NULL, without commits in
// between.
struct row *table_next(const struct table *table, size_t *state);

// True if the rows with a certain value in `column` are found without looking at every row: always
// for _uuid, for others with an index over this column. If not, the caller is taken to look at
// every row, and when that has been done often enough an index is made, O(rows).
bool table_is_indexed(struct table *table, const struct column *column);
// Calls found() for each current row whose `column` has this value. O(rows found) if
// table_is_indexed(), else O(rows).
void table_find_equal(const struct table *table, const struct column *column, union datum value,
                      void (*found)(void *userdata, struct row *row), void *userdata);
// How many these are, about, if table_is_indexed(). O(1).
size_t table_count_equal(const struct table *table, const struct column *column, union datum value);

// Loading stored rows: applied directly, unchecked, until db_load_finish(). Only before the first
// commit. The row to fill in: a new one with defaults, or the existing one, writable in place.
// *ret_is_new tells. Borrowed.
struct row *db_load_row(struct db *db, const struct table_schema *table, struct uuid uuid,
                        bool *ret_is_new);
// False if there is no such row.
bool db_load_delete(struct db *db, const struct table_schema *table, struct uuid uuid);
// From now on what each record loads is kept as a change set, for the history: at most
// `max_changes` of them. db_set_last_txn_id() must have been called for what was loaded before.
void db_load_keep_history(struct db *db, size_t max_changes);
// What was loaded since the last call was one transaction with this id. The change sets kept take
// at most about `max_memory` bytes. Only with a replayed history. O(rows changed + tables).
void db_load_end_record(struct db *db, struct uuid txn_id, size_t max_memory);
// Builds indexes and reference counts, purges dangling weak references, and checks every
// constraint. On error the database must be freed. `progress` may be NULL. O(database).
struct ovsdb_error *db_load_finish(struct db *db, const struct progress *progress);
// Where the chain of change sets begins that loading has kept: the first is known by its id only.
// Once; afterwards, and without a replayed history, it is the tail. A reference, the caller's.
struct changeset *db_take_replayed_history(struct db *db);

// "tables", "rows", "atoms"/"cells", for memory/show. Appends "name:value" words.
struct db_usage {
    size_t n_rows;
    size_t n_cells; // columns x rows
    size_t n_weak_refs;
};
// Roughly the bytes that the current versions of all rows take.
size_t db_memory(const struct db *db);
void db_usage(const struct db *db, struct db_usage *ret);
