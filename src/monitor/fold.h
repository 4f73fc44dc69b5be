// SPDX-License-Identifier: Apache-2.0
// The net of several commits, for monitors that are behind: for each changed row of the monitored
// tables the version it had at first. The version it has now is in the database. A row that came
// and went in between leaves nothing, so a fold never has more rows than the database had then
// and has now together.
#pragma once

#include "engine/db.h"
#include "monitor/updates.h"

struct fold;

// `spec` must outlive it.
struct fold *fold_new(const struct monitor_spec *spec);
void fold_free(struct fold *fold); // NULL allowed
// Adds `changes` and what follows it in the chain. O(rows changed).
void fold_add(struct fold *fold, const struct changeset *changes);
// Writes the changes from then to the state of `db` now. O(rows in it).
void fold_write(const struct fold *fold, struct db *db, struct updates *updates);
size_t fold_n_rows(const struct fold *fold);
size_t fold_memory(const struct fold *fold); // bytes it keeps, roughly
