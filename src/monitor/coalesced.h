// SPDX-License-Identifier: Apache-2.0
// A coalesced change: the net effect of several commits on the rows that a monitor shows. It holds
// the version that each changed row had before the first of these commits; the current version is
// in the database. A row that was inserted and deleted in between is not kept, so there are at most
// as many rows as the database had then and has now together.
#pragma once

#include "engine/db.h"
#include "monitor/updates.h"

struct coalesced;

// An empty change. `spec` must outlive it.
struct coalesced *coalesced_new(const struct monitor_spec *spec);
void coalesced_free(struct coalesced *coalesced); // NULL allowed
// Adds `changes` and all change sets that follow it in the chain (I-5). O(rows changed).
void coalesced_add(struct coalesced *coalesced, const struct changeset *changes);
// Writes the difference between the state before the first added change set and the current state
// of `db`. Every change set up to the current state must have been added. O(rows in it).
void coalesced_write(const struct coalesced *coalesced, struct db *db, struct updates *updates);
size_t coalesced_n_rows(const struct coalesced *coalesced);
size_t coalesced_memory(const struct coalesced *coalesced); // about how many bytes it keeps alive
