// SPDX-License-Identifier: Apache-2.0
// The rows that match a condition, found by the values it lists and not by looking at every row of
// the table. Private to this folder.
#pragma once

#include "engine/condition.h"
#include "engine/db.h"

// True if that is possible: every clause is false, or compares the same column of `rows`, which is
// indexed, with a value. *ret_n: how many rows these are, about. O(clauses).
bool lookup_is_possible(const struct condition *condition, struct table *rows, size_t *ret_n);
// Calls found() for each row that matches, if lookup_is_possible() has been true. The condition
// must not say the same twice (condition_drop_repeated()). O(clauses + rows found).
void lookup_run(const struct condition *condition, const struct table *rows,
                void (*found)(void *userdata, struct row *row), void *userdata);
