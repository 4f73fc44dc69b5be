// SPDX-License-Identifier: Apache-2.0
// The history keeps the last change sets of a database, for clients that reconnect and request the
// changes since a transaction (monitor_cond_since). Each change set holds the next one, so the
// history holds only the oldest, and drops it when there are too many. With a replayed history it
// begins with transactions from before the database was opened.
#pragma once

#include "engine/db.h"

struct history;

#define HISTORY_MAX_CHANGES 10000 // a client that has missed more gets the whole contents

// Keeps at most `max_changes` change sets of `db`, and at most as many bytes as `db` takes in
// memory, or 1 MiB if that is more. If the last commit alone exceeds this, only its id is kept.
// history_find() knows the last transaction of `db` from the start. The history must be freed
// before `db`.
struct history *history_new(struct db *db, size_t max_changes);
void history_free(struct history *history);
// Must be called after commits, when their observers have run. If the last change set alone exceeds
// the limit, appends an empty change set with the same id to the chain and keeps that one instead.
// The large one is freed when the last monitor has sent it. O(1).
void history_settle(struct history *history);
// The change set of a transaction; the changes since then begin with its `next`. NULL if the
// history does not have it. Borrowed. O(1).
struct changeset *history_find(const struct history *history, struct uuid txn_id);
// The number of commits kept, and the approximate memory that the history keeps alive.
size_t history_n_changes(const struct history *history);
size_t history_memory(const struct history *history);
// True if the history of `db`, if it has one, has this transaction. O(1).
bool db_history_has(const struct db *db, struct uuid txn_id);
// history_memory() of the history of `db`; 0 if it has none.
size_t db_history_memory(const struct db *db);
