// SPDX-License-Identifier: Apache-2.0
// Finds the rows that match "where", by an index if possible. For this layer only.
#pragma once

#include "engine/table.h"

// The rows found. The memory is reused by the next query. A zeroed struct is empty.
struct query {
    struct entry **entries;
    size_t n, capacity;
};

// Finds the rows that match every clause, as the open transaction sees them. If "where" requires
// equality of _uuid or of all columns of an index, only rows with the same hash are visited; else
// all rows of the table.
void query_run(struct query *query, struct table *table, const struct condition *where);
void query_done(struct query *query);
