// SPDX-License-Identifier: Apache-2.0
// Makes a database of the snapshot and the entries of a member's log.
#pragma once

#include "basic/progress.h"
#include "cluster/member_log.h"
#include "engine/db.h"

// The contents after the entry `index`, or after the snapshot with this index. Checks every
// constraint. The transaction ids are those of the entries: the database has a replayed history of
// the last ones. Errors name the file `path` and the entry. `progress` may be NULL. O(log +
// database).
struct ovsdb_error *cluster_build(const char *path, const struct member_log *log, uint64_t index,
                                  const struct progress *progress, struct db **ret);
