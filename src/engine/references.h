// SPDX-License-Identifier: Apache-2.0
// References between rows at commit: strong ones are counted, rows that nobody needs are collected,
// weak ones that dangle are purged. For this layer only. The first two steps work on the open
// transaction and leave no trace when it is reset; the last one belongs to the swap.
#pragma once

#include "engine/internal.h"

// Counts strong references and fails with "referential integrity violation" if a row refers to
// one that does not exist or a row that is still referenced has been deleted; then deletes rows of
// non-root tables that nobody refers to any more and removes dangling weak references, which
// fails with "constraint violation" where a column must not become so empty. Cost: the references
// that changed, and those of the rows that go or lose one.
struct ovsdb_error *references_settle(struct txn *txn);
// Brings the sets of weak referrers up to date with a row's new version. Cannot fail.
void references_swap_weak(struct db *db, struct entry *entry, const struct row *old,
                          const struct row *new);
