// SPDX-License-Identifier: Apache-2.0
// The order of rows given by the member "sort" of a "select". For this layer only.
#pragma once

#include "engine/query.h"

struct ordering {
    const struct column **columns; // distinct; the most significant first
    size_t n_columns;
};

// Decodes an array of distinct column names; _uuid and _version are allowed.
struct ovsdb_error *ordering_decode(struct slice names, const struct table_schema *table,
                                    struct buf *scratch, struct ordering *ret);
void ordering_done(struct ordering *ordering);
// Sorts the rows found in ascending order of the columns' values (datum_compare()). Rows with equal
// values are sorted by _uuid, so that the result does not depend on the order in the table.
// O(n log n).
void ordering_sort(const struct ordering *ordering, struct query *query);
