// SPDX-License-Identifier: Apache-2.0
// Makes large contents of replicas ready on a helper thread (replication/loading.h).
#pragma once

#include "replication/loading.h"
#include "store/group_commit.h"

// Starts the thread. group_commit_dispatch() calls replica_loaded() when it has ended; it may be
// called at once.
void load_job_start(struct group_commit *group_commit, struct loading *loading);
// Waits for the end of the thread and calls replica_loaded().
void load_job_finish(struct loading *loading);
