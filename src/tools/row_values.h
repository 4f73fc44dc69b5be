// SPDX-License-Identifier: Apache-2.0
// The values of chosen columns, read from a row as JSON: {"column": value, ...}.
#pragma once

#include "model/schema.h"

struct row_values {
    const struct column **columns; // owned array
    size_t n;
    bool *present;       // whether the row has the column
    union datum *values; // valid where `present` is true
};

// Takes over `columns`, which is allocated with malloc().
void row_values_init(struct row_values *row, const struct column **columns, size_t n);
void row_values_done(struct row_values *row);
// Reads `object`, validated JSON text. Members that are not among the columns are skipped. Values
// are not checked against constraints. O(length of `object` x columns).
struct ovsdb_error *row_values_read(struct row_values *row, struct slice object);
// The same for a row of `table`; it is an error if a column is missing.
struct ovsdb_error *row_values_read_whole(struct row_values *row, const struct table_schema *table,
                                          struct slice object);
// Returns the value of column `i`, which must be present, to the caller, who then owns it.
union datum row_values_take(struct row_values *row, size_t i);
// Compares rows with the same columns by the first column that differs; a missing value comes
// first.
int row_values_compare(const struct row_values *a, const struct row_values *b);
