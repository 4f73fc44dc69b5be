// SPDX-License-Identifier: Apache-2.0
// A row as JSON ({"column": value, ...}) turned into values of chosen columns.
#pragma once

#include "model/schema.h"

struct row_values {
    const struct column **columns; // owned array
    size_t n;
    bool *present;       // per column: the row mentions it
    union datum *values; // where present
};

// Takes over `columns`, allocated with malloc().
void row_values_init(struct row_values *row, const struct column **columns, size_t n);
void row_values_done(struct row_values *row);
// Reads `object`, validated JSON text. Members that are not among the columns are skipped. Values
// are not checked against constraints. O(its length x columns).
struct ovsdb_error *row_values_read(struct row_values *row, struct slice object);
// The same for a row of `table` that must have all the columns.
struct ovsdb_error *row_values_read_whole(struct row_values *row, const struct table_schema *table,
                                          struct slice object);
// Gives up the value of column `i`, which must be present.
union datum row_values_take(struct row_values *row, size_t i);
// Orders rows of the same columns by the first column that differs; a column that is not present
// comes first.
int row_values_compare(const struct row_values *a, const struct row_values *b);
