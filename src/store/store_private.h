// SPDX-License-Identifier: Apache-2.0
// What the files of the store share.
#pragma once

#include "store/gate_member.h"
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

struct store {
    struct db_log log;
    struct gate_member member; // member.fd is the file
    struct gate *own_gate;
    struct db *db;
    struct lockfile *lockfile; // NULL: read-only
    char *path;                // as given
    char *real_path;
    char *failure;
    char *recovery;    // see store_recovery()
    int write_error;   // of the last append, an errno value
    bool has_unsynced; // something was written that no fdatasync has covered for sure
    uint64_t size;     // where the next record goes
    struct buf record; // being written
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
// From now on nothing is written any more. Logs why.
void store_fail(struct store *store, int error, const char *what);
struct ovsdb_error *store_failure_error(const struct store *store);
// The compaction that runs, if any, is called off, or ended where it is too late for that; who
// waits for it is told.
void store_stop_compaction(struct store *store);
// Has its helper stop soon. True while that works.
bool store_cancel_compaction(struct store *store);
// The same for a conversion, and its steps on the engine thread.
void store_stop_conversion(struct store *store);
bool store_cancel_conversion(struct store *store);
bool store_run_conversion(struct store *store);
// The file has just been made from the database: `size` bytes.
void store_mark_compacted(struct store *store, uint64_t size);

// The comment of a snapshot, which keeps the id of the last transaction over a compaction.
#define COMPACTED_COMMENT "compacted by ovsdbd; last transaction ID "
// The same of a conversion, which has an id of its own: what clients saw before it they see anew.
#define CONVERTED_COMMENT "converted by ovsdbd; last transaction ID "
