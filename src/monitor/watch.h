// SPDX-License-Identifier: Apache-2.0
// Finds the views that a commit concerns from the rows that it changed, without looking at every
// view. A view watches each of its tables: the whole table, or the clauses of its condition. Two
// kinds of clauses are found by hash: column == constant, and "a set or map includes one element".
// Other clauses are evaluated for each changed row; equal ones of several views only once. Private
// to this folder.
#pragma once

#include "engine/changeset.h"
#include "monitor/spec.h"

struct view;
struct watch_set;

struct watch_set *watch_set_new(const struct schema *schema);
void watch_set_free(struct watch_set *set); // every watch must have been freed; NULL allowed
// Watches the tables of `spec` for `view`. `spec` must outlive the watch.
struct watch *watch_new(struct watch_set *set, struct view *view, const struct monitor_spec *spec);
void watch_free(struct watch *watch);
// Calls touch() for each view that `changes` may concern, for some views more than once. O(rows
// changed x (columns that conditions compare + clauses to evaluate) + views found).
void watch_set_commit(const struct watch_set *set, struct changeset *changes,
                      void (*touch)(struct view *view, struct changeset *changes));
