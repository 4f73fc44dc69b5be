// SPDX-License-Identifier: Apache-2.0
// The frame of a record in a database file. A record has two lines:
//
//     OVSDB JSON <length> <sha1>
//     <json>
//
// <length> is the decimal size of the second line with its LF, <sha1> 40 hexadecimal digits over
// the same bytes. Record 0 is the schema. Each other record describes the changes of a transaction,
// see encode.h. In the file of a clustered database CLUSTER stands in the place of JSON; its
// records are described in cluster/file_header.h and cluster/file_record.h.
#pragma once

#include "basic/uuid.h"
#include "model/error.h"

#define RECORD_ID_SIZE       20 // bytes of a SHA-1
#define RECORD_MAGIC         "OVSDB JSON "
#define RECORD_MAGIC_CLUSTER "OVSDB CLUSTER "
#define RECORD_HEADER_MAX    96 // bytes; no header line is longer

struct record_header {
    uint64_t size; // of the data, including its LF; never 0
    uint8_t sha1[RECORD_ID_SIZE];
};

void record_sha1(struct slice data, uint8_t ret[RECORD_ID_SIZE]);
// The transaction id of the record with this hash: its first 128 bits.
struct uuid record_txn_id(const uint8_t sha1[RECORD_ID_SIZE]);
// `magic` is RECORD_MAGIC or RECORD_MAGIC_CLUSTER.

// Parses a header line without its LF. False if it is not valid.
bool record_header_parse(const char *magic, struct slice line, struct record_header *ret);
// True if `line` may be the beginning of a header line.
bool record_header_is_prefix(const char *magic, struct slice line);

// A record is built in a buffer: record_begin() clears the buffer, the caller appends the JSON,
// record_end() adds LF and header and returns the whole record, which points into `buf`. The JSON
// may be changed afterwards: remove the LF from `buf` and call record_end() again.
void record_begin(struct buf *buf);
struct slice record_end(struct buf *buf, uint8_t ret_sha1[RECORD_ID_SIZE]);
struct slice record_end_as(const char *magic, struct buf *buf, uint8_t ret_sha1[RECORD_ID_SIZE]);

// Checks that the text of a record is one valid JSON object. *ret is the object without surrounding
// white space, ready for a cursor (I-1).
struct ovsdb_error *record_check(struct slice text, struct slice *ret);
