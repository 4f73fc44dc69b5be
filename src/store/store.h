// SPDX-License-Identifier: Apache-2.0
// A database kept in a file: opened, locked, recovered into memory; every commit appended to it;
// compacted. The file format is described in record.h and encode.h.
#pragma once

#include "basic/clock.h"
#include "basic/progress.h"
#include "engine/db.h"
#include "store/group_commit.h"

struct store;

enum store_mode {
    STORE_READ_ONLY,  // no lock, nothing is written (tools)
    STORE_READ_WRITE, // locked against other processes; a torn last record is cut off
    STORE_RECOVER,    // the same; a damaged file is cut to its whole prefix (see salvage.h)
};

// Opens the database file `path` and loads it. `group_commit` issues the tickets of durable commits; NULL:
// the store syncs when it is closed. `progress` may be NULL. Errors name the file and the offset
// and, for damage, the ovsdb-tool verbs that help. Nothing is cut off before a copy of it, synced,
// is beside the file: of a torn record FILE.torn-OFFSET, of a damaged file, as a whole,
// FILE.damaged (put_aside()). If there is no space for it the file is not opened.
// O(file + database).
struct ovsdb_error *store_open(const char *path, enum store_mode mode,
                               struct group_commit *group_commit, const struct progress *progress,
                               struct store **ret);
// store_open() failed because of what the file holds, although it is a database file: a record that
// is damaged or cannot be applied, or rows that violate the schema. A torn record is no damage.
bool store_is_damage(const struct ovsdb_error *error);
// What store_open() recovered from in the mode STORE_RECOVER, in one line; NULL: there was no
// damage.
const char *store_recovery(const struct store *store);
// Everything committed is synced first. Frees the database with it. NULL allowed.
void store_close(struct store *store);
// The same but for the database, which is the caller's then.
struct db *store_close_keeping_db(struct store *store);
// Whether records of modified rows hold differences ("_is_diff"), as at first, or whole values,
// which old servers can read.
void store_set_column_diff(struct store *store, bool on);
// Calls off what runs beside (compaction, conversion). True while a helper thread still works for
// it: then closing would wait.
bool store_cancel(struct store *store);
struct db *store_db(struct store *store); // borrowed
const char *store_path(const struct store *store);
uint64_t store_size(const struct store *store); // of the file, in bytes

// Makes a new file with two records (schema, one snapshot) and puts it in the place of the old one,
// on a helper thread, little by little where the engine thread is needed: store_run() and
// group_commit_dispatch() must be called. Commits go on meanwhile; their records follow the snapshot.
// `done`, unless NULL, is called once, in this call, by one of these two or by store_close(), with
// NULL or what went wrong: then the old file goes on being used. If a compaction runs already, that
// is the one.
void store_start_compaction(struct store *store,
                            void (*done)(void *userdata, const struct ovsdb_error *error),
                            void *userdata);
bool store_is_compacting(const struct store *store);
// Does a bounded step of what is to be done on the engine thread. True: call again soon, after
// other work.
bool store_run(struct store *store);
// The same in-line, for tools. `progress` may be NULL. O(database).
struct ovsdb_error *store_compact(struct store *store, const struct progress *progress);
// The rule for compacting by itself; `now` is clock_monotonic(): over 10 MB, twice the size after
// the last compaction, 100 records and 10 minutes later; or 100 records and 24 hours later. O(1).
bool store_wants_compaction(const struct store *store, usec_t now);
// Why the last write failed, an errno value; 0: it did not. The transaction was refused, the next
// may succeed.
int store_write_error(const struct store *store);
// Why it is read-only, or NULL: a sync failed, or another program removed, replaced or overwrote
// the file. The latter is noticed with the next commit.
const char *store_failure(const struct store *store);
// The same after looking at the file now.
const char *store_check(struct store *store);

// Makes a new database file with `schema` (0660 & ~umask), synced. It must not exist.
struct ovsdb_error *store_create(const char *path, struct schema *schema);
// Writes every row of `db` to a new file `path`, which must not exist ("-" is not special), synced.
// `comment` and `progress` may be NULL.
struct ovsdb_error *store_write_copy(struct db *db, const char *path, const char *comment,
                                     const struct progress *progress);
// Moves the rows to another schema (drops what it lacks, defaults what is new, checks every
// constraint): a new database, the caller's; `db` is unchanged. `progress` may be NULL.
// O(database).
struct ovsdb_error *store_convert(struct db *db, struct schema *schema,
                                  const struct progress *progress, struct db **ret);
// The same for a store that is served: on a helper thread, as store_start_compaction(). Until
// `done` is called commits are refused ("resources exhausted"); the caller keeps them back. It is
// called once, with NULL or what went wrong: then nothing has changed, and `old` is NULL. On
// success the store has a new database, and `old` is the former one, now the caller's.
typedef void store_converted_function(void *userdata, struct db *old,
                                      const struct ovsdb_error *error);
void store_start_conversion(struct store *store, struct schema *schema,
                            store_converted_function *done, void *userdata);
bool store_is_converting(const struct store *store);
// Makes `db` the store's database and its file, as compaction does. On success the store owns `db`
// and has freed its former database, which nobody may use any more; on error nothing has changed.
// `comment` and `progress` may be NULL.
struct ovsdb_error *store_replace(struct store *store, struct db *db, const char *comment,
                                  const struct progress *progress);
