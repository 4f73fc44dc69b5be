// SPDX-License-Identifier: Apache-2.0
// Finds what is usable in a damaged database file. There are two results: the whole prefix, which
// is the records before the first damage, a former state of the database; and all whole records
// that can be applied, including those after damage. None of these functions changes the file.
#pragma once

#include "store/load.h"
#include "store/repair.h"

struct salvage_prefix {
    uint64_t n_records;         // including the schema; at least 1
    uint64_t size;              // of these records
    struct ovsdb_error *damage; // why the prefix ends there, "PATH: record N at offset ...: ...";
                                // NULL: the file is not damaged
    char *torn; // the file is not damaged but ends in a torn record: "record N at offset ...: ..."
};

// Finds the longest prefix of whole records that load_database() accepts: each can be applied, and
// together they satisfy every constraint. On error sets *ret_damage (NULL allowed), where
// is_damaged is true if not even the schema is whole. `path` is for messages; `progress` may be
// NULL. O(file + database), and O(log(records)) times that if a constraint is violated.
struct ovsdb_error *salvage_prefix(int fd, const char *path, const struct progress *progress,
                                   struct salvage_prefix *ret, struct load_damage *ret_damage);
void salvage_prefix_done(struct salvage_prefix *prefix);

struct salvage {
    struct db *db;      // the caller's
    uint64_t n_records; // records applied, including the schema
    uint64_t n_damaged; // damaged places, not counting a torn record at the end
    uint64_t n_refused; // whole records that cannot be applied
    bool is_torn;       // the file ends in a torn record
    struct repaired repaired;
    size_t n_unreferenced; // rows deleted because no other row refers to them
};

// Applies all whole records in order and leaves out those that cannot be applied. Then
// repair_rows() restores the consistency of the rows. Reports each loss and change to `findings`.
// Fails like salvage_prefix(). O(file + database), see also repair_rows().
struct ovsdb_error *salvage_all(int fd, const char *path, const struct findings *findings,
                                const struct progress *progress, struct salvage *ret);
// True if nothing was lost or changed. Weak references to missing rows do not count: loading always
// removes them.
bool salvage_is_whole(const struct salvage *salvage);
