// SPDX-License-Identifier: Apache-2.0
// A projection shows some columns of rows. A shown set contains rows that differ in the columns of
// a projection: "select" drops duplicates (RFC 7047 5.2.2), "wait" compares sets (5.2.6). For this
// layer only.
#pragma once

#include "engine/row.h"

struct projection {
    const struct column **columns; // distinct, sorted by name
    size_t n_columns;
};

// A row and its _version. The version is separate because a client may give any _version for the
// rows of a "wait".
struct shown {
    const struct row *row;
    struct uuid version;
};

// The rows remain the caller's. A zeroed struct is empty.
struct shown_set {
    struct htable rows; // struct shown by the hash of the columns
};

// Decodes an array of distinct column names.
struct ovsdb_error *projection_decode(struct slice columns, const struct table_schema *table,
                                      struct buf *scratch, struct projection *ret);
// Shows all columns of the table.
void projection_init_all(struct projection *projection, const struct table_schema *table);
void projection_done(struct projection *projection);
// True if all rows of a table differ in the columns, because _uuid or _version is one of them.
bool projection_is_distinct(const struct projection *projection);
// Writes the columns of a row as a <row> (RFC 7047 5.1).
void projection_put(struct buf *buf, const struct projection *projection, const struct row *row);

void shown_set_done(struct shown_set *set);
// True if the set contains a row with equal columns.
bool shown_set_has(const struct shown_set *set, const struct projection *projection,
                   const struct shown *shown);
// Adds a row. Returns false if the set contains a row with equal columns.
bool shown_set_add(struct shown_set *set, const struct projection *projection,
                   const struct shown *shown);
