// SPDX-License-Identifier: Apache-2.0
// Reads a database file record by record, without looking into the JSON. For the store's recovery,
// and for tools that show what is in a file.
//
//     error = reader_open(path, &reader);
//     while ((status = reader_next(reader, &record)) == READER_RECORD) {
//         ... record.text: record 0 is the schema, the others transactions (see record.h)
//     }
//     if (status != READER_END) { ... reader_problem(reader) ... }
#pragma once

#include "basic/progress.h"
#include "model/error.h"

#include <stdint.h>

#define RECORD_ID_SIZE 20 // of a SHA-1

struct reader;

enum reader_status {
    READER_RECORD,  // a whole record with the right hash
    READER_END,     // the file ended after a whole record
    READER_TORN,    // the file ends in a record whose writing was interrupted; nothing follows it
    READER_DAMAGED, // not a whole record, and no interrupted write explains it
    READER_FAILED,  // the system could not read the file
};

struct reader_record {
    uint64_t number; // 0: the schema
    uint64_t offset; // of the header line in the file
    uint64_t size;   // header line and data
    uint8_t sha1[RECORD_ID_SIZE];
    struct slice text; // the JSON, its LF not among it; not validated. Valid until the next call.
};

// Opens `path` for reading and checks that it is a standalone database file. Errors name the file:
// not there, no regular file, empty, of another format, of a clustered database.
struct ovsdb_error *reader_open(const char *path, struct reader **ret);
// The same for an open descriptor, which stays the caller's; `path` is for messages.
struct ovsdb_error *reader_open_fd(int fd, const char *path, struct reader **ret);
void reader_free(struct reader *reader);
// Told while long records are read, unless it is NULL.
void reader_set_progress(struct reader *reader, const struct progress *progress);

// The next record. After another result than READER_RECORD the result stays the same. Reads and
// hashes the record: O(its size); when the record is bad, O(what is left of the file).
enum reader_status reader_next(struct reader *reader, struct reader_record *ret);
// After READER_TORN or READER_DAMAGED: continues at the next whole record, or at the end of the
// file if there is none. The skipped bytes count as one record. Returns their number. Whole records
// that only an excessive search would find (a file full of false headers) are skipped too.
uint64_t reader_skip(struct reader *reader);
// What is wrong, after READER_TORN, READER_DAMAGED, READER_FAILED: a new error that names the file
// and the offset. The caller frees it.
struct ovsdb_error *reader_problem(const struct reader *reader);
// The same as one line without the file's name, e.g. "record 7 at offset 4711: the hash is wrong".
const char *reader_reason(const struct reader *reader);
uint64_t reader_offset(const struct reader *reader); // where the next record begins, or the bad one
uint64_t reader_file_size(const struct reader *reader); // when it was opened

DEFINE_CLEANUP(struct reader *, reader_freep, reader_free)
#define _cleanup_reader_ _cleanup_(reader_freep)
