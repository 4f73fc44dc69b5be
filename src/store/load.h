// SPDX-License-Identifier: Apache-2.0
// Reads a database file into memory.
#pragma once

#include "engine/db.h"
#include "store/reader.h"

struct loaded {
    struct db *db;
    uint64_t size;          // of the whole records: what comes after is torn
    uint64_t snapshot_size; // of what a compaction wrote: the schema, and a snapshot right after it
    uint64_t n_records;     // after that
    bool is_torn;
};

struct load_options {
    const struct progress *progress; // or NULL
    bool keep_trail;                 // the last records' changes, for the history
};

// Every record is checked and applied, then every constraint. Damage is an error. O(file +
// database).
struct ovsdb_error *load_database(struct reader *reader, const char *path,
                                  const struct load_options *options, struct loaded *ret);
