// SPDX-License-Identifier: Apache-2.0
// The frame of the records in a database file. Each is two lines:
//
//     OVSDB JSON <length> <sha1>
//     <json>
//
// <length> is the decimal size of the second line with its LF, <sha1> 40 hexadecimal digits over
// the same bytes. Record 0 is the schema; the others are what a transaction changed, see encode.h.
#pragma once

#include "basic/uuid.h"
#include "model/error.h"
#include "store/reader.h"

#define RECORD_MAGIC         "OVSDB JSON "
#define RECORD_MAGIC_CLUSTER "OVSDB CLUSTER "
#define RECORD_HEADER_MAX    96 // bytes; a longer line is no header

struct record_header {
    uint64_t size; // of the data, its LF included; never 0
    uint8_t sha1[RECORD_ID_SIZE];
};

void record_sha1(struct slice data, uint8_t ret[RECORD_ID_SIZE]);
// The transaction id of the record with this hash: its first 128 bits.
struct uuid record_txn_id(const uint8_t sha1[RECORD_ID_SIZE]);
// Parses a header line, given without its LF.
bool record_header_parse(struct slice line, struct record_header *ret);
// True if `line` may be the beginning of a header line that was not written to its end.
bool record_header_is_prefix(struct slice line);

// A record is built in a buffer, which may be used again and again: record_begin() empties it, then
// the JSON is written to it, then record_end() adds LF and header. Returns the whole record, which
// points into `buf`. Done again after a change of the JSON, record_end() must not see the LF:
// shorten `buf` by it first.
void record_begin(struct buf *buf);
struct slice record_end(struct buf *buf, uint8_t ret_sha1[RECORD_ID_SIZE]);

// Validates that a record's text is one JSON object, and returns that without white space around
// it; then the cursor may walk it.
struct ovsdb_error *record_check(struct slice text, struct slice *ret);
