// SPDX-License-Identifier: Apache-2.0
// Frees a database that was converted or removed, by the reclaim queue (basic/reclaim.h).
#pragma once

#include "engine/db.h"
#include "store/group_commit.h"

// Takes over the database. reclaim_run() frees its rows; then a helper thread, which reports its
// end through `group_commit`, frees its tables.
void discard_db(struct db *db, struct group_commit *group_commit);
