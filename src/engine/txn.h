// SPDX-License-Identifier: Apache-2.0
// One transaction being built: new row versions aside of the database, until txn_commit() swaps
// them in. Only one exists at a time per database.
#pragma once

#include "engine/db.h"

struct txn;

struct txn *txn_new(struct db *db);
void txn_free(struct txn *txn); // NULL allowed; an uncommitted one leaves no trace

// The row as this transaction sees it, or NULL. Borrowed. O(1).
const struct row *txn_find(const struct txn *txn, const struct table_schema *table,
                           struct uuid uuid);
// A new row with defaults, to be filled with row_set(). NULL if a row with this uuid exists, or
// existed before this transaction deleted it.
struct row *txn_insert(struct txn *txn, const struct table_schema *table, struct uuid uuid);
// The row's writable version. The row must exist.
struct row *txn_modify(struct txn *txn, const struct table_schema *table, struct uuid uuid);
void txn_delete(struct txn *txn, const struct table_schema *table, struct uuid uuid);
void txn_add_comment(struct txn *txn, struct slice comment);

// Strong references, garbage collection, weak references, minimums, maxRows, uniqueness, log, swap,
// observers, in this order. On error nothing has changed. Afterwards, either way, only txn_free()
// may follow. *ret_changes (borrowed) is NULL if the transaction changed nothing.
struct ovsdb_error *txn_commit(struct txn *txn, bool durable, struct changeset **ret_changes,
                               uint64_t *ret_ticket);
