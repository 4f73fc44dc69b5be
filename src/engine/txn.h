// SPDX-License-Identifier: Apache-2.0
// A transaction being built: it collects new row versions beside the current ones, and txn_commit()
// makes them current. A database has at most one open transaction.
#pragma once

#include "engine/db.h"

struct txn;

struct txn *txn_new(struct db *db);
// Ends the transaction. If it was not committed, the database is unchanged. NULL allowed.
void txn_free(struct txn *txn);

// The row version that this transaction sees, or NULL. Borrowed. O(1).
const struct row *txn_find(const struct txn *txn, const struct table_schema *table,
                           struct uuid uuid);
// Inserts a row with defaults and returns it, to be filled in with row_set(). Returns NULL if a row
// with this uuid exists, or if this transaction has deleted one.
struct row *txn_insert(struct txn *txn, const struct table_schema *table, struct uuid uuid);
// Returns a version of the row that may be written to. The row must exist.
struct row *txn_modify(struct txn *txn, const struct table_schema *table, struct uuid uuid);
// Deletes a row. The row must exist.
void txn_delete(struct txn *txn, const struct table_schema *table, struct uuid uuid);
// Adds a line to the comment of the transaction.
void txn_add_comment(struct txn *txn, struct slice comment);

// Commits: strong references, garbage collection, weak references, minimums, maxRows, uniqueness,
// log, swap, observers, in this order. On error the database is unchanged. Sets *ret_changes
// (borrowed) to the change set, or to NULL if the transaction changed nothing.
// Afterwards the transaction can only be freed, also after an error.
struct ovsdb_error *txn_commit(struct txn *txn, bool durable, struct changeset **ret_changes,
                               uint64_t *ret_position);
