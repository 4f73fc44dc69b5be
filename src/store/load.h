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
    uint64_t n_whole;       // records that were loaded, the schema included
    bool is_torn;
};

struct load_options {
    const struct progress *progress; // or NULL
    bool keep_history;               // the last records' changes, for the history
    uint64_t max_records;            // load no more than these, the schema included; 0: all
    struct load_damage *damage;      // filled in when the error is store_is_damage(); or NULL
};

// Where loading failed.
struct load_damage {
    uint64_t number;    // of the first bad record
    uint64_t offset;    // of that record: everything before it was loaded
    bool is_constraint; // no record is bad, but together they violate the schema; number and offset
                        // are those of the end
};

// Every record is checked and applied, then every constraint. Errors of the file's content are
// store_is_damage(). O(file + database).
struct ovsdb_error *load_database(struct reader *reader, const char *path,
                                  const struct load_options *options, struct loaded *ret);
