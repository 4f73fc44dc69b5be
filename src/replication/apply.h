// SPDX-License-Identifier: Apache-2.0
// Makes a database follow what a monitor of another one tells.
#pragma once

#include "engine/db.h"
#include "replication/exclude.h"

enum apply_kind {
    APPLY_ALL,    // the initial contents: afterwards the database has these rows and no others
    APPLY_CHANGES // an update: inserts, modifies and deletes
};

// Applies `updates`, a <table-updates> (RFC 7047 4.1.6) about all columns, as one durable
// transaction; rows keep their UUIDs. Excluded tables, those that the other server's schema
// `theirs` lacks, and columns that it lacks stay as they are. On error nothing has changed.
// O(updates), and for APPLY_ALL O(database).
struct ovsdb_error *apply_updates(struct db *db, const struct exclude *exclude,
                                  const struct schema *theirs, struct slice updates,
                                  enum apply_kind kind);
