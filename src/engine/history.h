// SPDX-License-Identifier: Apache-2.0
// The last change sets of a database, for clients that come back and want what they have missed
// (monitor_cond_since). The chain of change sets keeps everything after its oldest link alive, so
// the history only holds that one and moves on when the rest has become too much. It begins before
// the database was opened, as far as loading has kept what the last records of the file changed.
#pragma once

#include "engine/db.h"

struct history;

#define HISTORY_MAX_CHANGES 10000 // more than that, and a client that comes back starts anew

// Keeps at most `max_changes` change sets of `db`, and not more bytes than `db` itself takes in
// memory, or 1 MiB if that is more. The last commit counts too: if it alone takes more, only its id
// is kept. Knows the database's last transaction from the start. Must be
// freed before the database.
struct history *history_new(struct db *db, size_t max_changes);
void history_free(struct history *history);
// Call after commits, when their observers have run. If the last change set alone exceeds the
// limit, replaces it at the end of the chain by an empty one of the same transaction; then only
// monitors that have not sent it yet hold it. O(1).
void history_settle(struct history *history);
// The change set of that transaction: what came after it begins with its `next`. NULL if it is not
// known, or no longer. Borrowed. O(1).
struct changeset *history_find(const struct history *history, struct uuid txn_id);
// How many commits are kept, and roughly the memory that the history keeps alive.
size_t history_n_changes(const struct history *history);
size_t history_memory(const struct history *history);
// The same of the history that observes `db`; 0 if there is none.
size_t db_history_memory(const struct db *db);
