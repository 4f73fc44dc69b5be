// SPDX-License-Identifier: Apache-2.0
// The order of rows that the member "sort" of a "select" asks for. For this layer only.
#pragma once

#include "engine/query.h"

struct ordering {
    const struct column **columns; // distinct; the first one decides first
    size_t n_columns;
};

// Decodes an array of distinct column names, _uuid and _version among them.
struct ovsdb_error *ordering_decode(struct slice names, const struct table_schema *table,
                                    struct buf *scratch, struct ordering *ret);
void ordering_done(struct ordering *ordering);
// Sorts the rows found in ascending order of the columns' values (datum_compare()). Rows that are
// equal in all of them are in order of _uuid, so that the same rows always come in the same order.
// O(n log n).
void ordering_sort(const struct ordering *ordering, struct query *query);
