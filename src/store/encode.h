// SPDX-License-Identifier: Apache-2.0
// What a transaction changed, as JSON and back:
//
//     {"_comment":"...","_date":1700000000000,"_is_diff":true,"TABLE":{"UUID":null |
//     {"COLUMN":VALUE,...}}}
//
// null deletes a row. A row that is not there yet is inserted: its columns hold whole values; those
// left out have their defaults. A row that is there is modified: its columns hold the new values
// or, with
// "_is_diff", the differences between old and new (datum_diff()). Ephemeral columns are never
// written.
#pragma once

#include "basic/progress.h"
#include "engine/snapshot.h"
#include "store/record.h"

// Writes the changes between record_begin() and record_end(). False if there is nothing to write,
// because only ephemeral columns changed. `as_diff`: with "_is_diff". O(size of the changed values;
// without `as_diff`, of the new values).
bool encode_changes(struct buf *buf, const struct changeset *changes, bool as_diff,
                    uint64_t date_ms);
// Puts another "_date" into what encode_changes() wrote.
void encode_set_date(struct buf *buf, uint64_t date_ms);
struct encode_sink {
    // Called when `buf` has become long, and has written `done` rows of `total`: may take what is
    // in it. An error ends the writing.
    int (*flush)(void *userdata, size_t done, size_t total);
    void *userdata;
};
// Writes every row, sorted. `comment` and `sink` may be NULL. 0 or the negative errno of the sink.
// Any thread. O(n log n).
int encode_rows(struct buf *buf, const struct snapshot *snapshot, const char *comment,
                uint64_t date_ms, const struct encode_sink *sink);
// The same for `db` as it is. Engine thread.
void encode_snapshot(struct buf *buf, struct db *db, const char *comment, uint64_t date_ms);

// What a record says about itself.
struct record_info {
    uint64_t date_ms; // 0 if it has none
    struct slice
        comment; // decoded, in the text or in the caller's scratch buffer; empty if it has none
    bool is_diff;
};
// Reads these from a record that passed record_check(). O(size).
void decode_info(struct slice record, struct buf *scratch, struct record_info *ret);

// Where a record is in the file, so that progress can be reported.
struct decode_position {
    const struct progress *progress; // or NULL
    uint64_t offset;                 // of the record's text
    uint64_t file_size;
    uint64_t next_report; // in the file; moved on by decode_record()
};
// Applies a record that passed record_check() to a database that is being loaded, and reads its
// annotations on the way. What is in it twice is applied twice. Errors name table, row and column.
struct ovsdb_error *decode_record(struct db *db, struct slice record,
                                  struct decode_position *position, struct buf *scratch,
                                  struct record_info *ret);
// Finds the errors of decode_record() without changing the database, except for those that a row
// causes which the record names twice.
struct ovsdb_error *decode_check(struct db *db, struct slice record,
                                 struct decode_position *position, struct buf *scratch);
