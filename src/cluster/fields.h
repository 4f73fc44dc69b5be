// SPDX-License-Identifier: Apache-2.0
// Reads the members of a record of a clustered file, or of a message between the members of a
// cluster, in one pass, without a tree: a snapshot may be longer than memory allows to have twice.
// The first error is kept; after it the functions return the value of an absent member, and
// fields_end() returns the error.
//
//     fields_begin(&fields, record, "a record");
//     term = fields_uint64(&fields, FIELD_TERM, true);
//     error = fields_end(&fields);
#pragma once

#include "basic/uuid.h"
#include "model/error.h"

enum field { // in order of name
    FIELD_ACCEPTED,
    FIELD_ADDRESS,
    FIELD_CLIENT,
    FIELD_CLIENT_ID,
    FIELD_CLUSTER_ID,
    FIELD_COMMENT,
    FIELD_COMMIT_INDEX,
    FIELD_DATA,
    FIELD_EID,
    FIELD_ELECTION_TIMER,
    FIELD_ERROR,
    FIELD_FEATURES,
    FIELD_GRANTED,
    FIELD_INDEX,
    FIELD_INDEX_TERM,
    FIELD_KIND,
    FIELD_LEADER,
    FIELD_LOCAL_ADDRESS,
    FIELD_METHOD,
    FIELD_NAME,
    FIELD_NOTE,
    FIELD_NUMBER,
    FIELD_OFFSET,
    FIELD_PARAMS,
    FIELD_PRE_VOTE,
    FIELD_PREV_DATA,
    FIELD_PREV_EID,
    FIELD_PREV_ELECTION_TIMER,
    FIELD_PREV_INDEX,
    FIELD_PREV_SERVERS,
    FIELD_PREV_TERM,
    FIELD_REASON,
    FIELD_REJECTED,
    FIELD_REMOTE_ADDRESSES,
    FIELD_RESULT,
    FIELD_ROLE,
    FIELD_SERVER_ID,
    FIELD_SERVERS,
    FIELD_SERVERS_INDEX,
    FIELD_SIZE,
    FIELD_TERM,
    FIELD_TRANSFER,
    FIELD_VERSION,
    FIELD_VOTE,
    N_FIELDS,
};

struct fields {
    struct slice record;
    const char *what;              // for errors, for example "the first record"
    struct slice values[N_FIELDS]; // JSON text; without data if absent
    bool taken[N_FIELDS];
    struct ovsdb_error *error;
};

// `record` is a valid JSON object (I-1), which must exist until fields_end(). O(size).
void fields_begin(struct fields *fields, struct slice record, const char *what);
bool fields_has(const struct fields *fields, enum field field);
// The functions below read a member. If it is absent and `is_required`, or has another type, that
// is an error.

// The text of a value of any type.
struct slice fields_value(struct fields *fields, enum field field, bool is_required);
// A 64-bit number; in the file, numbers from 2^63 on are negative. 0 if absent.
uint64_t fields_uint64(struct fields *fields, enum field field, bool is_required);
// An integer from 0 to 2^63 - 1. 0 if absent.
uint64_t fields_count(struct fields *fields, enum field field, bool is_required);
// False if absent.
bool fields_boolean(struct fields *fields, enum field field, bool is_required);
// UUID_ZERO if absent; a UUID of zeros is an error.
struct uuid fields_uuid(struct fields *fields, enum field field, bool is_required);
// The caller frees the result; NULL if absent. An empty string is an error.
char *fields_string(struct fields *fields, enum field field, bool is_required);
// Keeps the first error; takes `error`, which may be NULL. Puts the name of the member in front.
void fields_fail(struct fields *fields, enum field field, struct ovsdb_error *error);
// Returns the first error. A member that none of the functions has read is an error.
struct ovsdb_error *fields_end(struct fields *fields);

// A non-empty JSON string as text, which the caller frees; NULL if `value` is something else.
char *field_text(struct slice value);

// Write a member of an object.
void field_put_name(struct buf *buf, enum field field);
void field_put_uuid(struct buf *buf, enum field field, struct uuid uuid);
void field_put_uint64(struct buf *buf, enum field field, uint64_t number);
void field_put_string(struct buf *buf, enum field field, const char *text);
void field_put_boolean(struct buf *buf, enum field field, bool value);
void field_put_text(struct buf *buf, enum field field, struct slice json); // any value
