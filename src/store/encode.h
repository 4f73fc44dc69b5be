// SPDX-License-Identifier: Apache-2.0
// Encodes the changes of a transaction as the JSON of a record, and decodes it:
//
//     {"_comment":"...","_date":1700000000000,"_is_diff":true,
//      "TABLE":{"UUID":null | {"COLUMN":VALUE,...}}}
//
// null deletes a row. If the row does not exist, it is inserted with these values and the defaults
// of the other columns. If it exists, it is modified: the columns get these values or, with
// "_is_diff", the differences between the old and the new value (datum_diff()) are applied.
// Ephemeral columns are not written.
#pragma once

#include "basic/progress.h"
#include "engine/snapshot.h"
#include "store/record.h"

struct txn;

// Writes the changes into the buffer, between record_begin() and record_end(). Returns false if
// only ephemeral columns have changed: then no record is to be written. `as_diff`: with "_is_diff".
// O(size of the changed values; without `as_diff`, of the new values).
bool encode_changes(struct buf *buf, const struct changeset *changes, bool as_diff,
                    uint64_t date_ms);
// Replaces the "_date" that encode_changes() has written.
void encode_set_date(struct buf *buf, uint64_t date_ms);
struct encode_sink {
    // Called when the buffer has become long, after `done` of `total` rows. May consume the buffer.
    // A negative errno ends the encoding.
    int (*flush)(void *userdata, size_t done, size_t total);
    void *userdata;
};
// Writes every row, sorted by table and UUID. `comment` and `sink` may be NULL. Returns 0 or the
// negative errno of the sink. Any thread. O(n log n).
int encode_rows(struct buf *buf, const struct snapshot *snapshot, const char *comment,
                uint64_t date_ms, const struct encode_sink *sink);
// The same for the current state of `db`, without a sink. Engine thread.
void encode_snapshot(struct buf *buf, struct db *db, const char *comment, uint64_t date_ms);

// The annotations of a record.
struct record_info {
    uint64_t date_ms;     // 0: none
    struct slice comment; // in the record's text or in the caller's scratch buffer; empty: none
    bool is_diff;
};
// Reads the annotations of a record that has passed record_check(). O(size).
void decode_info(struct slice record, struct buf *scratch, struct record_info *ret);

// The position of a record in the file, for reports of progress.
struct decode_position {
    const struct progress *progress; // or NULL
    uint64_t offset;                 // of the record's text
    uint64_t file_size;
    uint64_t next_report; // offset in the file; set by decode_record()
};
// Applies a record that has passed record_check() to a database that is being loaded, and returns
// its annotations. Repeated members are applied in order. Errors name table, row and column.
struct ovsdb_error *decode_record(struct db *db, struct slice record,
                                  struct decode_position *position, struct buf *scratch,
                                  struct record_info *ret);
// The same for the rows of an open transaction of `db`. A row that the record deletes and inserts
// is an error.
struct ovsdb_error *decode_record_in(struct txn *txn, struct db *db, struct slice record,
                                     struct buf *scratch, struct record_info *ret);
// Returns the error that decode_record() would return, without changing the database. Errors that
// depend on an earlier change of the same row by the same record are not found.
struct ovsdb_error *decode_check(struct db *db, struct slice record,
                                 struct decode_position *position, struct buf *scratch);

// The beginning of the comment of a compaction's snapshot. The id of the last transaction follows,
// so that it survives the compaction.
#define COMPACTED_COMMENT "compacted by ovsdbd; last transaction ID "
// The same for a conversion, which has a new id: clients cannot continue from an id before it.
#define CONVERTED_COMMENT "converted by ovsdbd; last transaction ID "
