// SPDX-License-Identifier: Apache-2.0
// maxRows and the schema's indexes at commit; for this layer only.
#pragma once

#include "engine/internal.h"

// "constraint violation" if a table has too many rows.
struct ovsdb_error *unique_check_max_rows(const struct txn *txn);
// Puts the new versions in the place of the old ones in every index, and fails with "constraint
// violation" if two rows then have the same values in a schema index. Undone by unique_revert().
struct ovsdb_error *unique_apply(struct txn *txn);
void unique_revert(struct txn *txn);
