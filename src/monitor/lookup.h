// SPDX-License-Identifier: Apache-2.0
// Finds the rows that match a condition by the values that it lists, without a scan of the table.
// Private to this folder.
#pragma once

#include "engine/condition.h"
#include "engine/db.h"

// True if that is possible: each clause is false or compares a value with the same indexed column
// of `rows`. Sets *ret_n to about the number of matching rows. O(clauses).
bool lookup_is_possible(const struct condition *condition, struct table *rows, size_t *ret_n);
// Calls found() for each matching row. lookup_is_possible() must have returned true, and the
// condition must not have equal clauses (condition_drop_repeated()). O(clauses + rows found).
void lookup_run(const struct condition *condition, const struct table *rows,
                void (*found)(void *userdata, struct row *row), void *userdata);
