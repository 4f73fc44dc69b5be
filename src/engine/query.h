// SPDX-License-Identifier: Apache-2.0
// Finds the rows that "where" describes, by the cheapest way there is; for this layer only.
#pragma once

#include "engine/table.h"

// A list of rows found, reused from one query to the next. A zeroed struct is empty.
struct query {
    struct entry **entries;
    size_t n, capacity;
};

// Fills in the rows, as the open transaction sees them, that match every clause. No more than the
// rows with the same hash are looked at when "where" asks for equality on _uuid, on all columns of
// a schema index, or on a column that has an index by now; else every row is.
void query_run(struct query *query, struct table *table, const struct condition *where);
void query_done(struct query *query);
