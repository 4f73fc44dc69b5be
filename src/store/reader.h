// SPDX-License-Identifier: Apache-2.0
// Reads a database file record by record, without parsing the JSON. For loading, for recovery, and
// for tools that show the contents of a file.
//
//     error = reader_open(path, &reader);
//     while ((status = reader_next(reader, &record)) == READER_RECORD) {
//         ... record.text: record 0 is the schema, the others transactions (see record.h)
//     }
//     if (status != READER_END) { ... reader_problem(reader) ... }
#pragma once

#include "basic/progress.h"
#include "model/error.h"
#include "store/record.h"

#include <stdint.h>

struct reader;

enum reader_status {
    READER_RECORD,  // a whole record with the right hash
    READER_END,     // the file ends after the last whole record
    READER_TORN,    // the file ends with a record whose writing was interrupted
    READER_DAMAGED, // no whole record, and an interrupted write does not explain it
    READER_FAILED,  // reading has failed
};

struct reader_record {
    uint64_t number; // 0: the schema; in a clustered file, the first record
    uint64_t offset; // of the header line in the file
    uint64_t size;   // header line and data
    uint8_t sha1[RECORD_ID_SIZE];
    struct slice text; // the JSON without its LF; not validated; valid until the next call
};

// Opens `path` for reading and checks that it is a standalone database file. Errors name the file:
// it does not exist, is no regular file, is empty, has another format, or is a clustered database.
struct ovsdb_error *reader_open(const char *path, struct reader **ret);
// The same for an open descriptor, which remains the caller's; `path` is for messages.
struct ovsdb_error *reader_open_fd(int fd, const char *path, struct reader **ret);
// The same for a file of any kind, which reader_is_clustered() tells.
struct ovsdb_error *reader_open_any(const char *path, struct reader **ret);
struct ovsdb_error *reader_open_any_fd(int fd, const char *path, struct reader **ret);
bool reader_is_clustered(const struct reader *reader);
void reader_free(struct reader *reader);
// Sets the function that is called while long records are read; NULL: none.
void reader_set_progress(struct reader *reader, const struct progress *progress);

// Reads the next record and checks its hash. After another result than READER_RECORD, further calls
// return the same result. O(size of the record); for a bad record, O(rest of the file).
enum reader_status reader_next(struct reader *reader, struct reader_record *ret);
// After READER_TORN or READER_DAMAGED: continues at the next whole record, or at the end of the
// file if there is none. Returns the number of bytes skipped, which count as one record. The search
// for a whole record is limited: in a file full of false headers whole records may be skipped.
uint64_t reader_skip(struct reader *reader);
// After READER_TORN, READER_DAMAGED or READER_FAILED: a new error with the reason, the file and the
// offset. The caller frees it.
struct ovsdb_error *reader_problem(const struct reader *reader);
// The same in one line without the file, for example "record 7 at offset 4711: the hash is wrong".
const char *reader_reason(const struct reader *reader);
// The offset of the next record, or of the bad one.
uint64_t reader_offset(const struct reader *reader);
// The size of the file when it was opened, or less if another program has truncated it.
uint64_t reader_file_size(const struct reader *reader);

DEFINE_CLEANUP(struct reader *, reader_freep, reader_free)
#define _cleanup_reader_ _cleanup_(reader_freep)
