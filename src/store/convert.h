// SPDX-License-Identifier: Apache-2.0
// Conversion of the rows of a database to another schema.
#pragma once

#include "engine/snapshot.h"

// Makes a new database with the rows of the snapshot. The values are printed and parsed again, so
// that the new database shares nothing with the old one. Tables and columns that the schema does
// not have are dropped, new columns have their default, and every constraint is checked. Errors
// name table, row and column. `progress` may be NULL. Any thread; a thread other than the engine's
// must call text_thread_begin() before and text_thread_end() after it. O(database).
struct ovsdb_error *convert_rows(const struct snapshot *snapshot, struct schema *schema,
                                 const struct progress *progress, struct db **ret);
