// SPDX-License-Identifier: Apache-2.0
// The file "c.db" of a member, for the tests of cluster_log.
#pragma once

#include "store_unit.h"

#include "store/cluster_log.h"
#include "store/cluster_new.h"

#define CLUSTER_SCHEMA                                                                             \
    "{\"name\":\"d\",\"tables\":{\"T\":{\"columns\":{\"name\":{\"type\":\"string\"}}}}}"

// What the handler was told.
struct told {
    size_t n_durable, n_blocked, n_unblocked, n_failed;
    int error; // of blocked()
};

extern const struct cluster_log_handler told_handler; // its userdata is a struct told

// The file of a new cluster. The log begins after index 1.
void create_cluster(void);
struct cluster_log *open_log(void);
// The same, joined to the group commit.
struct cluster_log *open_joined(struct group_commit *group_commit, struct told *told);
// An entry that inserts a row, with the next index or another one. Valid until the next call.
struct file_record next_entry(const struct cluster_log *log, uint64_t term);
struct file_record entry_at(uint64_t index, uint64_t term);
void append(struct cluster_log *log, struct file_record record);
// Everything that a log says, but the kept entries and the leaders, as text. Caller frees.
char *log_dump(const struct member_log *log);
// Fails unless the file, opened again, says the same as `expected`.
void assert_file_says(const char *expected);
// Closes the log and fails unless the file says what the log has said.
void close_and_compare(struct cluster_log *log);
size_t rows_of(const struct cluster_log *log);
