// SPDX-License-Identifier: Apache-2.0
// The messages of Raft between the members of a cluster.
#pragma once

#include "cluster/file_record.h"

enum message_kind {
    MESSAGE_APPEND,          // leader to follower: entries, or none as heartbeat
    MESSAGE_APPEND_RESULT,   // the answer, and that to an installed snapshot
    MESSAGE_VOTE,            // a candidate asks for a vote
    MESSAGE_VOTE_RESULT,     // the answer
    MESSAGE_SNAPSHOT,        // leader to follower: take this snapshot in place of your log
    MESSAGE_TAKE_LEADERSHIP, // leader to follower: start an election at once
    MESSAGE_N_KINDS,
};

struct member_message {
    enum message_kind kind;
    uint64_t term; // of the sender

    // APPEND: of the entry before the first one. VOTE, TAKE_LEADERSHIP, APPEND_RESULT: of the last
    // entry of the sender's log. SNAPSHOT: of the last entry that it contains.
    uint64_t index;
    uint64_t index_term; // not of APPEND_RESULT

    uint64_t commit_index;           // APPEND: of the leader
    const struct log_entry *entries; // APPEND: borrowed
    size_t n_entries;

    uint64_t rejected; // APPEND_RESULT: the index that did not match; 0: accepted
    uint16_t features; // *_RESULT: capabilities of the sender's libraft

    bool is_pre_vote;     // VOTE, VOTE_RESULT
    bool is_transfer;     // VOTE: the leader has asked for this election
    bool is_vote_granted; // VOTE_RESULT

    const struct servers *servers; // SNAPSHOT: the members after its last entry; borrowed
    uint64_t servers_index;        // SNAPSHOT: of the entry that set them
};
