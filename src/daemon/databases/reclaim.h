// SPDX-License-Identifier: Apache-2.0
// Frees large objects that are no longer used in small steps, because freeing a large database at
// once takes seconds: databases that were converted or removed, change sets and long texts.
#pragma once

#include "engine/db.h"
#include "store/group_commit.h"

struct reclaim;

// Sets options of malloc() so that no call of free() takes long. Call it at the start of main().
void reclaim_set_malloc_options(void);
// Returns free memory to the system, which malloc() does not do with these options. O(heap).
void reclaim_trim(void);

// The helper threads that free tables report their end through `group_commit`. At most one exists.
struct reclaim *reclaim_new(struct group_commit *group_commit);
// Leaves the remaining objects to the end of the process: freeing them would delay a restart.
void reclaim_leave(struct reclaim *reclaim);
// Takes over a database and frees it step by step.
void reclaim_db(struct reclaim *reclaim, struct db *db);
// Does one step. True: call again soon.
bool reclaim_run(struct reclaim *reclaim);
