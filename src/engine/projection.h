// SPDX-License-Identifier: Apache-2.0
// Rows seen through some of their columns: a set in which two rows that show the same are one (RFC
// 7047 5.2.2 "select" drops duplicates, 5.2.6 "wait" compares sets). For this layer only.
#pragma once

#include "engine/row.h"

struct projection {
    const struct column **columns; // distinct, sorted by name
    size_t n_columns;
};

// A row to look at. Its version is kept apart, because rows that a client describes have one of
// their own choice.
struct shown {
    const struct row *row;
    struct uuid version;
};

// The rows stay the caller's. A zeroed struct is empty.
struct shown_set {
    struct htable rows; // one of each
};

// Decodes an array of distinct column names.
struct ovsdb_error *projection_decode(struct slice columns, const struct table_schema *table,
                                      struct buf *scratch, struct projection *ret);
// All columns of the table.
void projection_init_all(struct projection *projection, const struct table_schema *table);
void projection_done(struct projection *projection);
// True if no two rows of a table can show the same: _uuid or _version is among the columns.
bool projection_is_distinct(const struct projection *projection);
// Writes a <row>.
void projection_put(struct buf *buf, const struct projection *projection, const struct row *row);

void shown_set_done(struct shown_set *set);
bool shown_set_has(const struct shown_set *set, const struct projection *projection,
                   const struct shown *shown);
// False if a row that shows the same is there already.
bool shown_set_add(struct shown_set *set, const struct projection *projection,
                   const struct shown *shown);
