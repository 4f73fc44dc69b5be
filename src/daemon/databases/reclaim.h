// SPDX-License-Identifier: Apache-2.0
// Memory that nobody uses any more, of databases that were converted or removed, of change sets
// that nobody has to see, of long texts: given back little by little, because a large database
// takes seconds.
#pragma once

#include "engine/db.h"
#include "store/group_commit.h"

struct reclaim;

// `group_commit` tells when its helper thread is through.
struct reclaim *reclaim_new(struct group_commit *group_commit);
// At the end of the process, which frees what is left: a restart waits for it.
void reclaim_leave(struct reclaim *reclaim);
void reclaim_db(struct reclaim *reclaim, struct db *db); // takes it
// Frees a little. True: call again soon.
bool reclaim_run(struct reclaim *reclaim);
