// SPDX-License-Identifier: Apache-2.0
// Makes a database follow what a monitor of another one tells.
#pragma once

#include "engine/db.h"
#include "replication/exclude.h"

enum apply_kind {
    APPLY_ALL,    // the initial contents: afterwards the database has these rows and no others
    APPLY_CHANGES // an update: inserts, modifies and deletes
};

enum apply_form {
    APPLY_UPDATES, // <table-updates> of "monitor" and "update" (RFC 7047 4.1.6)
    APPLY_UPDATES2 // <table-updates2> of "monitor_cond", "update2" and their successors
};

// Applies `updates`, which must show all columns that both schemas have, as one durable
// transaction; rows keep their UUIDs. Excluded tables, and tables and columns that the other
// server's schema `theirs` lacks, stay as they are. On error nothing has changed. O(updates), and
// for APPLY_ALL O(database).
struct ovsdb_error *apply_updates(struct db *db, const struct exclude *exclude,
                                  const struct schema *theirs, struct slice updates,
                                  enum apply_kind kind, enum apply_form form);
