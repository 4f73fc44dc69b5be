// SPDX-License-Identifier: Apache-2.0
// The structure of a store, and functions shared by the files of this layer.
#pragma once

#include "store/cut.h"
#include "store/file_mark.h"
#include "store/group_commit_member.h"
#include "store/load.h"
#include "store/lockfile.h"
#include "store/record.h"
#include "store/store.h"

// The dates of the records written. The id of a transaction is the hash of its record, so no two
// records may be equal, not even if a value changes and changes back within a millisecond.
#define STAMP_MAX 256
struct stamp {
    uint64_t ms;
    unsigned n;
    uint64_t ids[STAMP_MAX]; // the first half of the ids of records with this date
};

struct store {
    struct commit_log log;
    struct group_commit_member member; // member.fd is the file
    struct group_commit *own_group_commit;
    struct db *db;
    struct lockfile *lockfile; // NULL: read-only
    char *path;                // as given
    char *absolute_path;       // the same, independent of the current folder
    char *real_path;
    char *failure;
    bool is_displaced; // `failure` is: another program removed, replaced or overwrote the file
    struct file_mark mark;
    uint64_t checked_in_turn; // group_commit_n_flushes() at the last check before an append
    bool whole_values;        // written for modified columns, instead of differences
    char *recovery;           // see store_recovery()
    int write_error;          // of the last append, an errno value
    bool has_unsynced;        // records were written that may not be synced
    bool is_closing;          // store_begin_close() has requested a sync of all records
    uint64_t size;            // of the file: the offset of the next record
    struct buf record;        // being written
    struct stamp stamp;
    // While a compaction installs its file, records are appended to both files: see compaction.c.
    uint64_t twin_size; // offset of the next record in member.twin_fd
    struct compaction *compaction;
    struct conversion *conversion; // see conversion.c

    // For store_wants_compaction().
    usec_t compacted_at;     // when the last compaction ended
    uint64_t compacted_size; // size of the file then
    uint64_t n_records;      // records appended since then
};

// Rows that one store_run() collects.
#define STEP_ROWS 256

// append() of the commit log.
struct ovsdb_error *store_append(struct commit_log *log, struct changeset *changes, bool durable,
                                 uint64_t *ret_position);
// Cuts a damaged file to its whole prefix and sets store->recovery. The file must be locked. On
// error *ret_damage tells if there is no whole prefix.
struct ovsdb_error *store_cut_damaged(struct store *store, const struct progress *progress,
                                      struct load_damage *ret_damage);
// Makes the database read-only, because the file cannot be written safely any more. Logs `what`
// and, unless it is 0, `error` (negative errno).
void store_fail(struct store *store, int error, const char *what);
// An error with the reason why the database is read-only. There must be one.
struct ovsdb_error *store_failure_error(const struct store *store);
// Returns false if another program has removed, replaced or overwritten the file; then the database
// is read-only. Always true for a store in the mode STORE_READ_ONLY.
bool store_check_in_place(struct store *store);
// Records the identity and end of the file, after it was opened or replaced.
void store_mark_file(struct store *store);
// Cancels a running compaction, or completes it if it cannot be canceled any more. Its done()
// functions are called.
void store_stop_compaction(struct store *store);
// Asks the helper of a compaction to stop. Returns true while it has not stopped.
bool store_cancel_compaction(struct store *store);
// The same for a conversion.
void store_stop_conversion(struct store *store);
bool store_cancel_conversion(struct store *store);
// Runs a step of a conversion on the engine thread, see store_run().
bool store_run_conversion(struct store *store);
// The new file of a running conversion, or -1.
int store_conversion_fd(const struct store *store);
// Updates the store after its file was replaced by a new one of `size` bytes.
void store_mark_compacted(struct store *store, uint64_t size);
