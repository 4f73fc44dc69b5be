// SPDX-License-Identifier: Apache-2.0
// The structure of a cluster_log, and functions shared by its files.
#pragma once

#include "store/cluster_log.h"
#include "store/file_mark.h"
#include "store/group_commit_member.h"
#include "store/lockfile.h"

struct cluster_snapshot;

struct cluster_log {
    char *path;          // as given
    char *absolute_path; // the same, independent of the current folder
    char *real_path;
    struct lockfile *lockfile;
    int fd; // until cluster_log_join(); then it is that of the member
    bool has_joined;
    struct group_commit_member member;
    struct positions positions; // one for each cluster_log_append() that was written
    uint64_t n_reported;        // of these, to durable()
    const struct cluster_log_handler *handler;
    void *userdata;
    struct member_log *contents;
    uint64_t size; // of the file: the offset of the next record
    struct file_mark mark;
    uint64_t checked_in_turn; // group_commit_n_flushes() at the last check before a write
    // Records that are to be written: empty, unless the last write has failed.
    struct buf unwritten;
    size_t n_unwritten;   // calls of cluster_log_append()
    int write_error;      // the errno value of the last write; 0: it succeeded
    bool is_blocked_told; // to blocked()
    char *failure;
    bool is_failure_told; // to failed()
    struct cluster_snapshot *snapshot;
};

// Nothing is written any more, for the reason `what` and, unless it is 0, `error` (negative errno).
// The next dispatch calls failed().
void cluster_log_fail(struct cluster_log *log, int error, const char *what);
struct ovsdb_error *cluster_log_failure_error(const struct cluster_log *log);
// Returns false if another program has removed, replaced or overwritten the file, or if the log has
// failed before.
bool cluster_log_check_in_place(struct cluster_log *log);
// Appends the record in its form in the file.
void cluster_log_put_record(struct buf *buf, const struct file_record *record);
// Uses `fd` as the file from now on: `size` bytes, which are durable and make all unwritten records
// superfluous. Closes the former one.
void cluster_log_use_file(struct cluster_log *log, int fd, uint64_t size);

// While a snapshot is made; without one these functions have no effect.
//
// Adds a record to the new file. It is not in the contents yet, and it is kept until the next
// cluster_snapshot_written().
void cluster_snapshot_add(struct cluster_log *log, const struct file_record *record);
// All records added up to now were written to the old file.
void cluster_snapshot_written(struct cluster_log *log);
