// SPDX-License-Identifier: Apache-2.0
// The file of a clustered database, open for a running member: it locks the file, loads it into a
// member_log, appends records to it, and replaces it by a shorter one after a snapshot. For the
// records see cluster/file_header.h and cluster/file_record.h, for reading alone cluster_file.h.
//
//     cluster_log_open() --> cluster_log_append() --> group commit --> durable(n)
//
// Torn records, damage, a file that another program has removed or replaced, and a failed write or
// sync are treated as those of a standalone file.
#pragma once

#include "cluster/member_log.h"
#include "engine/snapshot.h"
#include "store/group_commit.h"

struct cluster_log;

struct cluster_log_handler {
    // The records of the oldest `n` calls of cluster_log_append() that were not reported yet are
    // durable.
    void (*durable)(void *userdata, size_t n);
    // A write or a sync has failed for good: nothing is written any more. The text is borrowed.
    void (*failed)(void *userdata, const char *reason);
    // A write failed because the disk is full (or another reason that may pass): the records since
    // then are kept in memory and are written when there is space again, before durable() counts
    // them. True: it began; false: it is over.
    void (*blocked)(void *userdata, bool is_blocked, int error);
};

// Opens the file of a member, or of a server that is to join, and reads all records: as
// store_open() in the mode STORE_READ_WRITE. Any thread, like store_open_apart(). Errors name the
// file, record and offset. O(file).
struct ovsdb_error *cluster_log_open(const char *path, const struct progress *progress,
                                     struct cluster_log **ret, bool *ret_is_damaged);
// Joins the group commit, which calls the handler from its dispatch. Before the first append.
void cluster_log_join(struct cluster_log *log, struct group_commit *group_commit,
                      const struct cluster_log_handler *handler, void *userdata);
// Waits for the syncs and closes the file. NULL allowed.
void cluster_log_close(struct cluster_log *log);

const char *cluster_log_path(const struct cluster_log *log);
// The contents, always up to date with the appended records. Borrowed, never NULL.
const struct member_log *cluster_log_contents(const struct cluster_log *log);
uint64_t cluster_log_size(const struct cluster_log *log); // of the file, in bytes
// Makes a database of the snapshot and the entries up to `index`, as cluster_file_build() does of
// all. O(database).
struct ovsdb_error *cluster_log_build(const struct cluster_log *log, uint64_t index,
                                      const struct progress *progress, struct db **ret);

// Appends records to the file with one write, and to the contents; they must not contradict them
// (asserted). They become durable with the next sync of the group commit; durable() tells. Copies
// what it needs. Never fails: see failed() and blocked().
void cluster_log_append(struct cluster_log *log, const struct file_record *records, size_t n);
// Appends records, and syncs them together with all earlier ones in this call. False: they could
// not be written; then they are not part of the contents. Earlier appends are reported by durable()
// from the next dispatch. For votes. Blocks for one sync.
bool cluster_log_append_synced(struct cluster_log *log, const struct file_record *records,
                               size_t n);

// Starts to write a snapshot: a helper thread makes a new file with the rows of `snapshot` (all
// rows collected; it must stay until done()) as header, followed by the term, the vote and the
// entries after `index`, while records are appended to the old file. cluster_log_finish_snapshot()
// then replaces the file. `index` may be beyond the commit index: the caller finishes only when it
// is committed. `done` is called from the group commit's dispatch, with an error when it failed;
// the old file is in use then.
void cluster_log_start_snapshot(struct cluster_log *log, struct snapshot *snapshot, uint64_t index,
                                void (*done)(void *userdata, const struct ovsdb_error *error),
                                void *userdata);
// Puts the new file in the place of the old one, durably. Only after done() without an error. The
// contents then begin with the snapshot; of the entries before it the last `n_kept` stay in memory,
// where member_log_entry() finds them for members that lag behind.
struct ovsdb_error *cluster_log_finish_snapshot(struct cluster_log *log, size_t n_kept);
void cluster_log_cancel_snapshot(struct cluster_log *log); // waits for the helper; no done() call
// Replaces the file and the contents by `header`, a snapshot received from the leader, followed by
// no entries, and the term and vote. Durable when it returns without an error; on an error nothing
// has changed. Takes over `header`. Also makes a member's file of the file of a server that joins.
struct ovsdb_error *cluster_log_install(struct cluster_log *log, struct file_header *header,
                                        uint64_t term, struct uuid vote);
