// SPDX-License-Identifier: Apache-2.0
// Checks a database against itself; for tests and fuzzers, never in a server.
#pragma once

#include "engine/db.h"

// Recomputes everything that commits maintain step by step: reference counts, referrers, indexes,
// row counts, memory; and checks every constraint. NULL if all is well, else the first thing that
// is wrong (caller frees). Not within a transaction. O(database).
char *db_check(const struct db *db);
