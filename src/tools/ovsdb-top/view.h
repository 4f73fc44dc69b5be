// SPDX-License-Identifier: Apache-2.0
// A view of ovsdb-top: the records of one reply of the server, with rates that are computed from
// two replies, sorted and printed as a table.
#pragma once

#include "basic/buf.h"
#include "basic/clock.h"
#include "control/command.h"

#include <jansson.h>

struct top_view;

#define TOP_N_VIEWS 4

// The view number `index` < TOP_N_VIEWS, without records. It is never freed.
struct top_view *top_view_get(size_t index);
// The view with this name, or NULL.
struct top_view *top_view_find(const char *name);
size_t top_view_index(const struct top_view *view);
const char *top_view_name(const struct top_view *view);
const char *top_view_command(const struct top_view *view); // its reply goes to top_view_update()

// Replaces the records by those of `reply`, the JSON text of the command's reply at the time `now`
// (monotonic). Rates are relative to the records before; without these they are missing. Members
// of an unexpected type are ignored. False, with no change: `reply` is not such a reply.
bool top_view_update(struct top_view *view, const char *reply, usec_t now);
size_t top_view_count(const struct top_view *view); // records

// Which column sorts the records. Numbers are sorted in descending order, texts in ascending order;
// reversed, the other way round. top_view_sort_by() returns false if there is no column `name`;
// top_view_sort_next() moves by `step` columns, which is 1 or -1.
const char *top_view_sort_column(const struct top_view *view);
bool top_view_sort_by(struct top_view *view, const char *name);
void top_view_sort_next(struct top_view *view, int step);
void top_view_reverse(struct top_view *view);
bool top_view_is_reversed(const struct top_view *view);

// Appends a heading, a line of dashes and a line for each record. No control character of a value
// is printed.
void top_view_print(const struct top_view *view, struct buf *text);
