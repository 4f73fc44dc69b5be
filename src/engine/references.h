// SPDX-License-Identifier: Apache-2.0
// References between rows at commit: strong references are counted, unreferenced rows of non-root
// tables are deleted, dangling weak references are purged. For this layer only.
#pragma once

#include "engine/internal.h"

// Counts strong references. Returns "referential integrity violation" if a row refers to a row that
// does not exist, or if a deleted row is still referred to. Then deletes rows of non-root tables
// without references and purges dangling weak references; returns "constraint violation" if a
// column would have fewer elements than its type requires. Changes only the open transaction.
// O(references that changed + references of rows that are deleted or purged).
struct ovsdb_error *references_settle(struct txn *txn);
// Updates the sets of weak referrers for a changed row. Part of the swap: cannot fail. O(references
// that changed * log n).
void references_swap_weak(struct txn *txn, struct pending *pending);
