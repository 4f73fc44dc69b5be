// SPDX-License-Identifier: Apache-2.0
// The records of a clustered file after the first. Each may have the member "comment".
#pragma once

#include "cluster/file_header.h"

enum file_record_kind {
    FILE_RECORD_ENTRY,        // an entry of the log
    FILE_RECORD_TERM,         // the server has seen this term
    FILE_RECORD_VOTE,         // it has voted for `server` in this term
    FILE_RECORD_LEADER,       // `server` is the leader of this term
    FILE_RECORD_COMMIT_INDEX, // the entries up to this index are committed
    FILE_RECORD_NOTE,         // an event
};

#define FILE_NOTE_LEFT "left" // the server has left the cluster

// An entry that has neither data nor servers nor a timer is the first one of a leader.
struct log_entry {
    uint64_t term;           // at least 1
    uint64_t index;          // at least 1
    struct servers servers;  // the members from this entry on; n is 0 if they do not change
    uint64_t election_timer; // ms; 0: does not change
    struct slice data;       // JSON text for entry_data_decode(); without data: none
    struct uuid eid;         // the transaction id; UUID_ZERO if there is no data
};

struct file_record {
    enum file_record_kind kind;
    char *comment;          // or NULL
    uint64_t term;          // of TERM, VOTE, LEADER; the entry has its own
    struct uuid server;     // of VOTE and LEADER
    uint64_t commit_index;  // of COMMIT_INDEX
    char *note;             // of NOTE
    struct log_entry entry; // of ENTRY; entry.data is borrowed
};

// `json` is a valid JSON value (I-1), to which ret->data points: an entry as in a record.
struct ovsdb_error *log_entry_decode(struct slice json, struct log_entry *ret);
void log_entry_put(struct buf *buf, const struct log_entry *entry);

// `record` is a valid JSON object (I-1); entry.data points into it.
struct ovsdb_error *file_record_decode(struct slice record, struct file_record *ret);
void file_record_put(struct buf *buf, const struct file_record *record);
void file_record_done(struct file_record *record);
