// SPDX-License-Identifier: Apache-2.0
// A snapshot shows the rows of a database as of one moment while commits continue. It is for
// readers that need long: another thread, or the engine thread in steps.
//
//     snapshot = snapshot_new(db);
//     while (snapshot_collect(snapshot, n)) { ... other work, commits ... }
//     ... snapshot_rows(), in any thread ...
//     snapshot_free(snapshot);
//
// A snapshot holds the last change set of its moment, and so all that follow in the chain. A row
// version of that moment is still current, or a later change set holds it as `old`. So the snapshot
// needs no reference to any row, and a reader in another thread changes no reference count.
//
// When commits are withdrawn (engine/undo.h), no snapshot may show them: the owner of such a
// snapshot frees it first.
#pragma once

#include "engine/db.h"

struct snapshot;

// A snapshot of the current state of `db`. O(tables).
struct snapshot *snapshot_new(struct db *db);
// Excludes the table with this index. Before the first snapshot_collect().
void snapshot_skip_table(struct snapshot *snapshot, size_t table);
// Visits about `n` more rows. Returns false when all rows are collected; from then on the snapshot
// no longer observes commits. `db` must exist until then.
bool snapshot_collect(struct snapshot *snapshot, size_t n);
// The rows of the table with this index, in no particular order. Valid and unchanged until
// snapshot_free(). All rows must have been collected. Any thread.
struct row *const *snapshot_rows(const struct snapshot *snapshot, size_t table, size_t *ret_n);
const struct schema *snapshot_schema(const struct snapshot *snapshot);
size_t snapshot_n_rows(const struct snapshot *snapshot); // of all tables
// The change set after which the snapshot was made. Borrowed.
struct changeset *snapshot_moment(const struct snapshot *snapshot);
// At any time, also before all rows are collected. NULL allowed. O(tables).
void snapshot_free(struct snapshot *snapshot);
