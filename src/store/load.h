// SPDX-License-Identifier: Apache-2.0
// Loads a database file into memory.
#pragma once

#include "engine/db.h"
#include "store/reader.h"

struct loaded {
    struct db *db;
    uint64_t size;          // of the whole records; a torn record may follow
    uint64_t snapshot_size; // of the schema and of a snapshot that follows it
    uint64_t n_records;     // records after these
    uint64_t n_whole;       // all records loaded, including the schema
    bool is_torn;
};

struct load_options {
    const struct progress *progress; // or NULL
    bool keep_history;               // make a replayed history of the last records
    uint64_t max_records;            // load at most so many, including the schema; 0: all
};

// Tells if and where the contents of a file are damaged.
struct load_damage {
    bool is_damaged;    // false: loading failed for another reason; the other members are 0
    bool is_constraint; // all records are whole, but together they violate the schema; number and
                        // offset are those of the end of the file
    uint64_t number;    // of the first bad record
    uint64_t offset;    // of that record; all records before it were loaded
};

// Checks and applies every record, then checks every constraint. On error sets *ret_damage.
// `ret_damage` may be NULL. O(file + database).
struct ovsdb_error *load_database(struct reader *reader, const char *path,
                                  const struct load_options *options, struct loaded *ret,
                                  struct load_damage *ret_damage);
