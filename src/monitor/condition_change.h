// SPDX-License-Identifier: Apache-2.0
// Writes which rows a change of a condition shows and hides. Private to this folder.
#pragma once

#include "engine/db.h"
#include "monitor/updates.h"

// Writes the rows of the table `rows` that only one of `old` and `new` shows. These are two
// versions of a monitor's table that differ in their conditions only. O(clauses), plus O(rows
// found) if all added and removed clauses compare indexed columns with values, else plus O(rows of
// the table x added and removed clauses).
void condition_change_write(struct updates *updates, const struct monitor_table *old,
                            const struct monitor_table *new, struct table *rows);
