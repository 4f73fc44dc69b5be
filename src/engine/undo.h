// SPDX-License-Identifier: Apache-2.0
// Withdraws commits that the commit log has lost, newest first, from memory. A cluster's leader
// executes transactions before a majority has stored them; when it loses the leadership, those that
// were not stored are undone.
#pragma once

#include "engine/db.h"

// Makes `last` the end of the chain again: withdraws every commit after it. `last` must be of the
// chain of `db`. The caller must have held a reference to it since before the next commit: it keeps
// the later change sets alive. Each row gets back the version object that it had, so _version is
// as before; indexes, reference counts, weak referrers and row counts follow; the history forgets
// the withdrawn ids. Change sets that others hold stay valid, but no longer lead into the chain.
// No snapshot may exist whose moment is after `last` (engine/snapshot.h). Calls withdrawn() of each
// observer once. Not within a transaction. Cannot fail. O(rows that were
// changed).
void db_undo(struct db *db, struct changeset *last);
