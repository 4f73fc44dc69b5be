// SPDX-License-Identifier: Apache-2.0
// What a damaged database file still holds. There are two answers: its whole prefix, which are the
// records before the first damage, exactly what the database once was; and all of its whole
// records, also those behind damage, as far as they can be applied. None of these functions changes
// the file.
#pragma once

#include "store/repair.h"

struct salvage_prefix {
    uint64_t n_records;         // the schema included; at least 1
    uint64_t size;              // their bytes, from the beginning of the file
    struct ovsdb_error *damage; // why the prefix ends there, "PATH: record N at offset ...: ...";
                                // NULL: the file is not damaged
    char *torn; // the file is not damaged but ends in a torn record: "record N at offset ...: ..."
};

// Finds the longest prefix of whole records that load_database() accepts: each can be applied, and
// together they satisfy every constraint. Fails with a store_is_damage() error if not even the
// schema is whole. `path` is for messages; `progress` may be NULL. O(file + database), and
// O(log(records)) times that if a constraint is violated.
struct ovsdb_error *salvage_prefix(int fd, const char *path, const struct progress *progress,
                                   struct salvage_prefix *ret);
void salvage_prefix_done(struct salvage_prefix *prefix);

struct salvage {
    struct db *db;      // the caller's
    uint64_t n_records; // applied, the schema included
    uint64_t n_damaged; // places where there is no whole record, a torn record at the end excepted
    uint64_t n_refused; // whole records that cannot be applied
    bool is_torn;       // the file ends in a torn record
    struct repaired repaired;
    size_t n_unreferenced; // rows that went because nothing refers to them
};

// Applies all whole records in their order. One that cannot be applied is left out as a whole; then
// repair_rows() does what the losses make necessary. What is lost or changed is reported. Fails
// like salvage_prefix(). O(file + database), see also repair_rows().
struct ovsdb_error *salvage_all(int fd, const char *path, const struct findings *findings,
                                const struct progress *progress, struct salvage *ret);
// True if nothing was lost or had to be changed, except for weak references to missing rows, which
// loading always removes.
bool salvage_is_whole(const struct salvage *salvage);
