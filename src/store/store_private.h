// SPDX-License-Identifier: Apache-2.0
// What the files of the store share.
#pragma once

#include "store/group_commit_member.h"
#include "store/lockfile.h"
#include "store/record.h"
#include "store/store.h"

// The dates of the records written. A transaction's id is the hash of its record, so no two records
// may be the same, not even those of a value that goes back and forth within a millisecond.
#define STAMP_MAX 256
struct stamp {
    uint64_t ms;
    unsigned n;
    uint64_t ids[STAMP_MAX]; // of the records with this date: the first half
};

// What the file must look like, see in_place.c.
struct file_mark {
    bool is_known;
    dev_t device;
    ino_t inode;
    size_t size;   // of `end`
    char end[256]; // its last bytes
};

struct store {
    struct db_log log;
    struct group_commit_member member; // member.fd is the file
    struct group_commit *own_group_commit;
    struct db *db;
    struct lockfile *lockfile; // NULL: read-only
    char *path;                // as given
    char *absolute_path;       // the same, whatever the current folder is
    char *real_path;
    char *failure;
    bool is_displaced; // the failure: another program took the file away
    struct file_mark mark;
    uint64_t checked_in_turn; // group_commit_n_flushes() at the last check before an append
    bool whole_values;        // written for modified columns, instead of differences
    char *recovery;           // see store_recovery()
    int write_error;          // of the last append, an errno value
    bool has_unsynced;        // something was written that no fdatasync has covered for sure
    uint64_t size;            // where the next record goes
    struct buf record;        // being written
    struct stamp stamp;
    // While a compaction puts its file in place records go to both: see compaction.c.
    uint64_t twin_size; // where the next record goes in member.twin_fd
    struct compaction *compaction;
    struct conversion *conversion; // see conversion.c

    // For store_wants_compaction(): since then.
    usec_t compacted_at;
    uint64_t compacted_size;
    uint64_t n_records;
};

// Rows collected in one store_run().
#define STEP_ROWS 256

// The commit log's append (db_log).
struct ovsdb_error *store_append(struct db_log *log, struct changeset *changes, bool durable,
                                 uint64_t *ret_ticket);
// Cuts the file, which is locked, after its last whole record, at store->size; `reader` has found a
// torn one there.
struct ovsdb_error *store_cut_torn(struct store *store, const struct reader *reader,
                                   const struct progress *progress);
// Cuts the file, which is locked and damaged, to its whole prefix and sets store->recovery.
struct ovsdb_error *store_cut_damaged(struct store *store, const struct progress *progress);
// Writes nothing more to the file. Logs why: `what`, and `error`, negative errno, unless it is 0.
void store_fail(struct store *store, int error, const char *what);
struct ovsdb_error *store_failure_error(const struct store *store);
// False if the file is not the database any more, because another program removed, replaced or
// overwrote it; then the store has failed. Only a store that is open for writing is checked.
bool store_check_in_place(struct store *store);
// The file is as it must be: another descriptor or size; or just this record was appended.
void store_mark_file(struct store *store);
void store_mark_end(struct store *store, struct slice record);
// The compaction that runs, if any, is called off, or ended where it is too late for that; who
// waits for it is told.
void store_stop_compaction(struct store *store);
// Has its helper stop soon. True while that works.
bool store_cancel_compaction(struct store *store);
// The same for a conversion, and its steps on the engine thread.
void store_stop_conversion(struct store *store);
bool store_cancel_conversion(struct store *store);
bool store_run_conversion(struct store *store);
// The new file of a running conversion, or -1.
int store_conversion_fd(const struct store *store);
// The file has just been made from the database: `size` bytes.
void store_mark_compacted(struct store *store, uint64_t size);

// The comment of a snapshot, which keeps the id of the last transaction over a compaction.
#define COMPACTED_COMMENT "compacted by ovsdbd; last transaction ID "
// The same of a conversion, which has an id of its own: what clients saw before it they see anew.
#define CONVERTED_COMMENT "converted by ovsdbd; last transaction ID "
