// SPDX-License-Identifier: Apache-2.0
// Repairs the rows of a database of which records were lost, so that they satisfy the constraints
// of the schema.
#pragma once

#include "engine/db.h"

// Called with one line of text, without a LF, for each thing found.
struct findings {
    void (*found)(void *userdata, const char *text);
    void *userdata;
};

struct repaired {
    size_t n_references; // strong references removed from a value
    size_t n_weak;       // weak references removed from a value
    size_t n_rows;       // rows deleted
};

// Removes references to rows that do not exist. Deletes rows with a value that violates the type of
// its column, rows with the same values in an index (except the one with the lowest UUID), and rows
// beyond a table's maxRows (those with the highest UUIDs). Reports each to `findings`. Must be
// called during loading, without a replayed history. Afterwards db_load_finish() succeeds.
// O(database * longest chain of references to deleted rows).
void repair_rows(struct db *db, const struct findings *findings, struct repaired *ret);
