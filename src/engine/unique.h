// SPDX-License-Identifier: Apache-2.0
// The checks of maxRows and of the schema's indexes at commit. For this layer only.
#pragma once

#include "engine/internal.h"

// Returns "constraint violation" if a table would have more rows than its maxRows.
struct ovsdb_error *unique_check_max_rows(const struct txn *txn);
// Replaces the old versions by the new ones in every index. Returns "constraint violation" if two
// rows have the same values in an index of the schema then; in this case the indexes are unchanged.
struct ovsdb_error *unique_apply(struct txn *txn);
// Reverts unique_apply().
void unique_revert(struct txn *txn);
