// SPDX-License-Identifier: Apache-2.0
// The rows of one database as another schema reads them.
#pragma once

#include "engine/snapshot.h"

// Makes a new database with every row of the snapshot, as they are printed: it shares nothing with
// the old one. What the schema lacks is dropped, what is new has its default; then every constraint
// is checked. Errors name table, row and column. `progress` may be NULL. Any thread, between
// text_thread_begin() and text_thread_end() if it is not the engine's. O(database).
struct ovsdb_error *convert_rows(const struct snapshot *snapshot, struct schema *schema,
                                 const struct progress *progress, struct db **ret);
