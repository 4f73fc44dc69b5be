// SPDX-License-Identifier: Apache-2.0
// The contents of a member's file in memory: the snapshot before the log, the entries,
// the term, the vote, the leaders and the commit index.
//
//     log = member_log_new(header);              // the first record
//     error = member_log_add(log, &record);      // each further one
//
// An entry whose index is in the log replaces the entry with this index and removes all after it.
// The entries up to the last commit index are committed; later ones may be.
#pragma once

#include "cluster/file_record.h"

struct member_leader {
    uint64_t term;
    struct uuid server;
    uint64_t last_index; // of the log when the leader was recorded
};

struct member_commit {
    uint64_t term; // of the member when it recorded the index
    uint64_t index;
};

struct member_log {
    struct file_header header; // prev_data is a copy
    struct log_entry *entries; // entries[i].index is header.prev_index + 1 + i; data is a copy
    size_t n_entries;
    size_t entries_capacity;
    // The index of the last entry that sets the members, and of the last one that sets the election
    // timer; header.prev_index or less: none in the log.
    uint64_t servers_index, timer_index;
    // The last ones of the entries that the snapshot has replaced, see member_log_rebase(). The
    // index of the last one is header.prev_index.
    struct log_entry *kept;
    size_t n_kept;
    uint64_t term;         // the highest seen
    struct uuid vote;      // in this term; UUID_ZERO: none
    uint64_t commit_index; // at least header.prev_index
    struct member_leader *leaders;
    size_t n_leaders;
    size_t leaders_capacity;
    struct member_commit *commits; // the last of each term
    size_t n_commits;
    size_t commits_capacity;
    bool has_left; // the note FILE_NOTE_LEFT
};

// Takes `header` and copies prev_data.
struct member_log *member_log_new(struct file_header header);
void member_log_free(struct member_log *log);
// Adds a record of the file of a member (asserted). A record that contradicts the earlier ones is
// an error and changes nothing: an index that skips or precedes the log, a replaced committed
// entry, a term that goes back, a second vote or leader in a term, a commit index that goes back or
// beyond the log. Takes the servers of an entry and copies its data.
struct ovsdb_error *member_log_add(struct member_log *log, struct file_record *record);
// Makes `snapshot`, a log with a header only, the beginning of `log`, and frees it. It stands for
// the entries up to its index, which the log has (asserted); they count as committed. The last
// `n_kept` of them remain in memory. O(entries removed).
void member_log_rebase(struct member_log *log, struct member_log *snapshot, size_t n_kept);

// The index of the last entry, or that of the snapshot.
static inline uint64_t member_log_last_index(const struct member_log *log)
{
    return log->header.prev_index + log->n_entries;
}
// NULL if the log has no such entry. Finds the kept ones, too.
const struct log_entry *member_log_entry(const struct member_log *log, uint64_t index);
// The members and the election timer (ms, 0: not recorded) after the last entry. O(1).
const struct servers *member_log_servers(const struct member_log *log);
uint64_t member_log_election_timer(const struct member_log *log);
// The members after the entry `index`, which must be in the log or that of its snapshot.
const struct servers *member_log_servers_at(const struct member_log *log, uint64_t index);
// The header of the log of a member, with the snapshot after the entry `index` in the place of the
// present one but without prev_data. The index must be in the log or that of its snapshot. The
// caller calls file_header_done(). O(entries).
struct file_header member_log_header_at(const struct member_log *log, uint64_t index);
// True if everything in the entries but the text form of the data is equal.
bool log_entry_equals(const struct log_entry *a, const struct log_entry *b);

DEFINE_CLEANUP(struct member_log *, member_log_freep, member_log_free)
#define _cleanup_member_log_ _cleanup_(member_log_freep)
