// SPDX-License-Identifier: Apache-2.0
// A store keeps a database in a file. It locks the file, loads it into memory, appends every commit
// to it, and compacts it. record.h and encode.h describe the file format.
#pragma once

#include "basic/clock.h"
#include "basic/progress.h"
#include "engine/db.h"
#include "store/group_commit.h"

struct store;

enum store_mode {
    STORE_READ_ONLY,  // takes no lock and writes nothing (tools)
    STORE_READ_WRITE, // locks the file against other processes; cuts off a torn last record
    STORE_RECOVER,    // the same; cuts a damaged file to its whole prefix (see salvage.h)
};

// Opens the database file `path` and loads it. `group_commit` syncs durable commits; NULL: the
// store syncs when it is closed. `progress` may be NULL. Errors name the file and the offset and,
// for damage, the ovsdb-tool verbs that help. Before something is cut off, a copy is made beside
// the file and synced (put_aside()): FILE.torn-OFFSET of a torn record, FILE.damaged of a whole
// damaged file. Without space for the copy the file is not opened. On error sets *ret_is_damaged
// (NULL allowed) to true if the contents of a database file are damaged: a record is damaged or
// cannot be applied, or the rows violate the schema. A torn record is not damage. O(file +
// database).
struct ovsdb_error *store_open(const char *path, enum store_mode mode,
                               struct group_commit *group_commit, const struct progress *progress,
                               struct store **ret, bool *ret_is_damaged);
// The same for a server's store, which belongs to no group commit until store_join(). Any thread:
// the store shares no memory with others. A helper thread must have called text_thread_begin() and
// log_thread_begin().
struct ovsdb_error *store_open_apart(const char *path, enum store_mode mode,
                                     const struct progress *progress, struct store **ret,
                                     bool *ret_is_damaged);
// Lets `group_commit` issue the positions of a store that store_open_apart() has opened. Nothing
// must have been committed yet.
void store_join(struct store *store, struct group_commit *group_commit);
// One line that describes what store_open() has recovered in the mode STORE_RECOVER; NULL if there
// was no damage.
const char *store_recovery(const struct store *store);
// Syncs all commits, closes the file and frees the database. NULL allowed.
void store_close(struct store *store);
// The same, but returns the database, which becomes the caller's.
struct db *store_close_keeping_db(struct store *store);
// On, the default: records of modified rows contain differences ("_is_diff"). Off: they contain
// whole values, which older servers can read.
void store_set_column_diff(struct store *store, bool on);
// Prepares store_close(): cancels a running compaction or conversion, then has the group commit
// sync what is not synced. No commits may follow. Returns true while store_close() would wait for
// one of these: call again after group_commit_dispatch().
bool store_begin_close(struct store *store);
struct db *store_db(struct store *store); // borrowed
const char *store_path(const struct store *store);
uint64_t store_size(const struct store *store); // of the file, in bytes

// Starts a compaction: a helper thread makes a new file with two records (schema, snapshot) and
// replaces the old file with it. The engine thread does its part in steps: store_run() and
// group_commit_dispatch() must be called. Commits continue; their records follow the snapshot.
// `done`, unless NULL, is called once: in this call, in one of these two functions or in
// store_close(). Its error is NULL, or tells why the old file remains in use. If a compaction is
// running already, `done` is called at its end.
void store_start_compaction(struct store *store,
                            void (*done)(void *userdata, const struct ovsdb_error *error),
                            void *userdata);
bool store_is_compacting(const struct store *store);
// Runs one bounded step of a compaction or conversion on the engine thread. Returns true if more
// steps can run now: call again after other work.
bool store_run(struct store *store);
// Compacts and waits for the end. For tools. `progress` may be NULL. O(database).
struct ovsdb_error *store_compact(struct store *store, const struct progress *progress);
// True if the file should be compacted automatically: it has 100 records since the last compaction,
// and this is 10 minutes ago and the file is larger than 10 MB and twice its size then, or it is 24
// hours ago. `now` is clock_monotonic(). O(1).
bool store_wants_compaction(const struct store *store, usec_t now);
// The errno value of the last write, if it failed; 0 if it succeeded. A failed write rejects its
// transaction; the next one may succeed.
int store_write_error(const struct store *store);
// The reason why the database has become read-only, or NULL. A sync failed, or another program has
// removed, replaced or overwritten the file, which is detected with the next commit.
const char *store_failure(const struct store *store);
// The same, but checks the file first.
const char *store_check(struct store *store);

// Makes a new database file with `schema` and mode 0660 & ~umask, and syncs it. The file must not
// exist.
struct ovsdb_error *store_create(const char *path, struct schema *schema);
// Writes every row of `db` to a new file `path` and syncs it. The file must not exist; "-" has no
// special meaning. `comment` and `progress` may be NULL.
struct ovsdb_error *store_write_copy(struct db *db, const char *path, const char *comment,
                                     const struct progress *progress);
// Makes a new database with the rows of `db` and another schema: tables and columns that the schema
// does not have are dropped, new columns have their default, and every constraint is checked. *ret
// is the caller's; `db` is unchanged. `progress` may be NULL. O(database).
struct ovsdb_error *store_convert(struct db *db, struct schema *schema,
                                  const struct progress *progress, struct db **ret);
// Starts a conversion of the store's database on a helper thread, like store_start_compaction(). A
// conversion must not be running. Commits are rejected ("resources exhausted") until `done` is
// called; the caller delays them. `done` is called once. On success the store has a new database,
// and `old` is the former one, which becomes the caller's. On error nothing has changed, and `old`
// is NULL.
typedef void store_converted_function(void *userdata, struct db *old,
                                      const struct ovsdb_error *error);
void store_start_conversion(struct store *store, struct schema *schema,
                            store_converted_function *done, void *userdata);
bool store_is_converting(const struct store *store);
// Replaces the store's database by `db`, and its file as compaction does. On success the store owns
// `db` and has freed its former database. On error nothing has changed. `comment` and `progress`
// may be NULL.
struct ovsdb_error *store_replace(struct store *store, struct db *db, const char *comment,
                                  const struct progress *progress);
