// SPDX-License-Identifier: Apache-2.0
// Makes the rows of a database that is being loaded satisfy the schema's constraints, when records
// that belong to them were lost.
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

// Removes references to rows that do not exist, and deletes rows that cannot be kept: those with a
// value that violates its column's type, those that repeat the values of an index (the row with the
// lowest UUID stays), and those beyond a table's maxRows (the highest UUIDs go). Each is reported.
// Afterwards db_load_finish() succeeds. Only before it, and without a replayed history.
// O(database * longest chain of references to deleted rows).
void repair_rows(struct db *db, const struct findings *findings, struct repaired *ret);
