// SPDX-License-Identifier: Apache-2.0
// The net of several commits, for monitors that are behind: for each changed row of the monitored
// tables the version it had at first. The version it has now is in the database. A row that came
// and went in between leaves nothing, so a coalesced change never has more rows than the database had then
// and has now together.
#pragma once

#include "engine/db.h"
#include "monitor/updates.h"

struct coalesced;

// `spec` must outlive it.
struct coalesced *coalesced_new(const struct monitor_spec *spec);
void coalesced_free(struct coalesced *coalesced); // NULL allowed
// Adds `changes` and what follows it in the chain. O(rows changed).
void coalesced_add(struct coalesced *coalesced, const struct changeset *changes);
// Writes the changes from then to the state of `db` now. O(rows in it).
void coalesced_write(const struct coalesced *coalesced, struct db *db, struct updates *updates);
size_t coalesced_n_rows(const struct coalesced *coalesced);
size_t coalesced_memory(const struct coalesced *coalesced); // bytes it keeps, roughly
