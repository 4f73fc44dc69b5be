// SPDX-License-Identifier: Apache-2.0
// Which views a commit concerns, found from what it changed and not by asking every view. A view
// watches its tables: whole ones, or the rows for which a clause of its condition holds. Clauses
// column == constant, or that a set or map includes an element, are found by hash; others are
// asked, equal ones of all views once. Private to this folder.
#pragma once

#include "engine/changeset.h"
#include "monitor/spec.h"

struct view;
struct watch_set;

struct watch_set *watch_set_new(const struct schema *schema);
void watch_set_free(struct watch_set *set); // must be empty; NULL allowed
// The handle of a view's place in `set`; `spec` must outlive it.
struct watch *watch_new(struct watch_set *set, struct view *view, const struct monitor_spec *spec);
void watch_free(struct watch *watch);
// Calls touch() for every view that may have to hear of `changes`, for some more than once. O(rows
// changed x (columns that some condition compares + clauses that are asked), plus the views found).
void watch_set_commit(const struct watch_set *set, struct changeset *changes,
                      void (*touch)(struct view *view, struct changeset *changes));
