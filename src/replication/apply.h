// SPDX-License-Identifier: Apache-2.0
// Applies the output of a monitor of another server's database to our copy of that database.
#pragma once

#include "engine/db.h"
#include "replication/exclude.h"

enum apply_kind {
    APPLY_ALL,    // initial contents: rows that they do not contain are deleted
    APPLY_CHANGES // an update: rows are inserted, modified and deleted
};

enum apply_form {
    APPLY_UPDATES, // <table-updates> of "monitor" and "update" (RFC 7047 4.1.6)
    APPLY_UPDATES2 // <table-updates2> of "monitor_cond", "update2" and their successors
};

// Applies `updates` of all columns that both schemas have, as one durable transaction. Rows have
// the same UUIDs in both databases. Does not change excluded tables, and tables and columns that
// the other server's schema `theirs` does not have. An error changes nothing. O(updates); for
// APPLY_ALL O(database).
struct ovsdb_error *apply_updates(struct db *db, const struct exclude *exclude,
                                  const struct schema *theirs, struct slice updates,
                                  enum apply_kind kind, enum apply_form form);

// Sets the columns of a <row> in `row`, or with `is_diff` applies the differences of a "modify" of
// <row-update2>. Nothing else may refer to `row`. After an error some columns may have been set.
// Any thread that may change `row`.
struct ovsdb_error *apply_columns(struct row *row, struct slice columns, bool is_diff,
                                  struct buf *scratch);
