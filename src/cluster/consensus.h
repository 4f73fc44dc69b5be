// SPDX-License-Identifier: Apache-2.0
// The agreement of a cluster's member with the other members about the log: Raft, by libraft. No
// I/O, no clock, no randomness: time, a seed, messages and the progress of the disk are arguments,
// and effects go out through functions of the owner.
//
//     consensus_new() --> consensus_start() with the contents of the file
//     time, messages, confirmations of the disk, new entries
//         --> libraft --> save_vote(), append(), send(), then role_changed(), committed()
//
// The owner keeps the log. The consensus knows only indexes and terms, and asks for the entries
// that it has to send. Several calls of append() may be in progress on the disk; messages do not
// wait for them, because libraft counts an entry of this member only when consensus_persisted() has
// named it.
//
// A new leader that has uncommitted entries of earlier terms appends an empty entry: when that is
// committed, they are, too.
// An election has two rounds: a member that is cut off cannot depose a leader when it comes back
// (pre-vote). A leader that has not heard of a majority for an election timeout becomes a follower.
#pragma once

#include "cluster/message.h"

struct consensus;

enum consensus_role {
    CONSENSUS_FOLLOWER,
    CONSENSUS_CANDIDATE,
    CONSENSUS_LEADER,
};

// save_vote(), append(), entry(), snapshot(), send() and install() must not call functions of the
// consensus that change it. role_changed() and committed() may.
struct consensus_handler {
    // Records the term and the vote (UUID_ZERO: none), and returns when they are durable. False:
    // they could not be recorded. The consensus then has failed and does nothing more.
    bool (*save_vote)(void *userdata, uint64_t term, struct uuid vote);
    // Appends entries to the log, after removing those from entries[0].index on. The owner writes
    // the calls to the disk in their order, and calls consensus_persisted() when that is durable,
    // not from within this call.
    void (*append)(void *userdata, const struct log_entry *entries, size_t n);
    // The entry with this index, which is in the log. Borrowed until the next event.
    const struct log_entry *(*entry)(void *userdata, uint64_t index);
    // The snapshot that precedes the log: index, index_term, servers (borrowed until the next
    // event), servers_index.
    struct member_message (*snapshot)(void *userdata);
    // Sends a message. It may get lost, but no message may overtake another. With one of the kind
    // MESSAGE_SNAPSHOT the owner sends the contents of the snapshot, too.
    void (*send)(void *userdata, struct uuid to, const struct member_message *message);
    // The leader's snapshot, of which the owner has the contents, replaces the log. The owner calls
    // consensus_installed() when it is durable.
    void (*install)(void *userdata, const struct member_message *snapshot);
    void (*role_changed)(void *userdata, enum consensus_role role);
    // The entries up to `index` are committed.
    void (*committed)(void *userdata, uint64_t index);
};

struct consensus_settings {
    struct uuid id; // of this member
    const char *address;
    unsigned seed;             // of the random part of timeouts
    unsigned election_timeout; // ms
};

struct consensus *consensus_new(const struct consensus_settings *settings,
                                const struct consensus_handler *handler, void *userdata);
void consensus_free(struct consensus *consensus); // NULL allowed

// Starts with what the file of the member says: the snapshot of the handler's snapshot(), the
// entries after it, which entry() returns, the term and the vote in it (UUID_ZERO: none). Times are
// in ms of a clock that never goes back.
void consensus_start(struct consensus *consensus, uint64_t now, uint64_t term, struct uuid vote,
                     size_t n_entries);

// When to call consensus_timeout() at the latest.
uint64_t consensus_deadline(const struct consensus *consensus);
void consensus_timeout(struct consensus *consensus, uint64_t now);
// Handles a message of the member `from`. That of a server that is no member has no effect but for
// new servers, which do not know the members yet.
void consensus_receive(struct consensus *consensus, uint64_t now, struct uuid from,
                       const struct member_message *message);
// What the next `n` calls of append() have given is durable.
void consensus_persisted(struct consensus *consensus, uint64_t now, size_t n);
// The snapshot of install() is durable, and the log is empty.
void consensus_installed(struct consensus *consensus, uint64_t now,
                         const struct member_message *snapshot);
// The owner has written a snapshot of the committed state at `index` and dropped the entries up to
// index - `n_kept`.
void consensus_compacted(struct consensus *consensus, uint64_t now, uint64_t index,
                         uint64_t index_term, size_t n_kept);

// Appends entries to the log of the leader; sets their term and index. Returns 0; -ENOTCONN if this
// member is not the leader or hands leadership over; -EBUSY if an entry changes the members while
// an earlier change is not committed.
int consensus_submit(struct consensus *consensus, uint64_t now, struct log_entry *entries,
                     size_t n);
// Hands leadership over to the member `to`; UUID_ZERO: to the one with the longest log. Returns 0,
// -ENOTCONN if this member is not the leader, -EALREADY if it hands leadership over already, or
// -ENOENT if there is no such other member. If it does not succeed within an election timeout, this
// member remains leader.
int consensus_transfer(struct consensus *consensus, uint64_t now, struct uuid to);
int consensus_add_server(struct consensus *consensus, uint64_t now, struct uuid id,
                         const char *address);
int consensus_remove_server(struct consensus *consensus, uint64_t now, struct uuid id);
// A server of which the log says nothing yet may send messages.
void consensus_learn_server(struct consensus *consensus, struct uuid id, const char *address);
void consensus_set_election_timeout(struct consensus *consensus, unsigned ms);

struct consensus_state {
    enum consensus_role role;
    const char *failure; // why the consensus has failed; NULL: it has not
    uint64_t term;
    struct uuid vote;   // in this term; UUID_ZERO: none
    struct uuid leader; // UUID_ZERO: unknown
    uint64_t last_index;
    uint64_t persisted_index;
    uint64_t commit_index;
    bool is_transferring;
};
void consensus_state(const struct consensus *consensus, struct consensus_state *ret);
// For the leader: the index up to which the log of a member is known to match. 0 if unknown.
uint64_t consensus_match_index(const struct consensus *consensus, struct uuid member);
const char *consensus_role_name(enum consensus_role role);
