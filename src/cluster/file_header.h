// SPDX-License-Identifier: Apache-2.0
// The first record of a clustered file. There are two forms: the file of a member has the snapshot
// that precedes its log; a file that "ovsdb-tool join-cluster" has made has the addresses of
// members to which the server sends its request to join.
#pragma once

#include "cluster/servers.h"

// The parts of "data" and "prev_data": [schema, transaction], JSON text in the text of the record.
// A part without data stands for null.
struct entry_data {
    struct slice schema;      // if present, `transaction` holds the whole contents
    struct slice transaction; // an object in the form of a record of a standalone file
};

struct file_header {
    struct uuid server_id;
    struct uuid cluster_id; // UUID_ZERO: not yet known, only in a request to join
    char *local_address;
    char *name; // of the database
    char **remote_addresses;
    size_t n_remote_addresses; // 0: a member

    // The snapshot of a member.
    uint64_t prev_term;
    uint64_t prev_index; // at least 1
    struct servers prev_servers;
    uint64_t prev_election_timer; // ms; 0: not recorded
    struct slice prev_data;       // JSON text, borrowed
    struct uuid prev_eid;
};

// Checks the form of "data" or "prev_data". `json` is valid (I-1); the parts point into it.
struct ovsdb_error *entry_data_decode(struct slice json, struct entry_data *ret);

// `record` is a valid JSON object (I-1); prev_data points into it.
struct ovsdb_error *file_header_decode(struct slice record, struct file_header *ret);
// Writes the record. If prev_data of a member has no data, the record lacks this member, which the
// caller must add: file_header_put_open() leaves out the closing brace.
void file_header_put(struct buf *buf, const struct file_header *header);
void file_header_put_open(struct buf *buf, const struct file_header *header);
void file_header_done(struct file_header *header);

static inline bool file_header_is_member(const struct file_header *header)
{
    return !header->n_remote_addresses;
}
