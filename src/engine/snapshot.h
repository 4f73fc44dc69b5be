// SPDX-License-Identifier: Apache-2.0
// The rows of a database as they are at one moment, for whoever needs long to read them: another
// thread, or this one little by little. Commits go on meanwhile.
//
//     snapshot = snapshot_new(db);
//     while (snapshot_collect(snapshot, n)) { ... other work, commits ... }
//     ... snapshot_rows(), in any thread ...
//     snapshot_free(snapshot);
//
// A snapshot holds the change set that its moment stands at, and by it the chain of those that
// follow: each keeps the versions it replaced, the others are current. So no row needs a reference
// of its own, and a thread that only reads them touches no count.
#pragma once

#include "engine/db.h"

struct snapshot;

// Of `db` as it is now. O(tables).
struct snapshot *snapshot_new(struct db *db);
// Leaves out the table with this index. Before the first snapshot_collect().
void snapshot_skip_table(struct snapshot *snapshot, size_t table);
// Looks at about `n` more rows. False when all are collected; from then on the snapshot costs
// commits nothing. `db` must live until then.
bool snapshot_collect(struct snapshot *snapshot, size_t n);
// The rows of the table with this index, in no order; valid and unchanged until
// snapshot_free(). Any thread.
struct row *const *snapshot_rows(const struct snapshot *snapshot, size_t table, size_t *ret_n);
const struct schema *snapshot_schema(const struct snapshot *snapshot);
size_t snapshot_n_rows(const struct snapshot *snapshot); // in all
// The change set whose state it shows. Borrowed.
struct changeset *snapshot_moment(const struct snapshot *snapshot);
// At any time. NULL allowed. O(tables).
void snapshot_free(struct snapshot *snapshot);
