// SPDX-License-Identifier: Apache-2.0
// What a change of a condition shows and hides. Private to this folder.
#pragma once

#include "engine/db.h"
#include "monitor/updates.h"

// Writes the difference between what `old` shows of `rows` and what `new` does, two states of a
// monitor's table that differ in their conditions only. O(clauses), and if the clauses that came or
// went all compare indexed columns with values, O(rows that have these), else O(rows x such
// clauses).
void condition_change_write(struct updates *updates, const struct monitor_table *old,
                            const struct monitor_table *new, struct table *rows);
