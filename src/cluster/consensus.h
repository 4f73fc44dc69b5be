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
// Until then it may have been replaced without knowing it, so that its state is old: only a result
// that waits for the commit of an entry submitted after the request is sure to be fresh.
#pragma once

#include "cluster/message.h"

struct consensus;

enum consensus_role {
    CONSENSUS_FOLLOWER,
    CONSENSUS_CANDIDATE,
    CONSENSUS_LEADER,
};

// save_vote(), append(), entry(), snapshot(), send() and install() must not call functions of the
// consensus that change it. role_changed(), committed() and change_ended() may.
//
// A disk that is full: the owner tries the writes of append() again until there is space and
// confirms them then. Meanwhile this member does not count for majorities; a leader goes on with
// the other members. If save_vote() or install() fails, the owner frees the consensus and starts
// another one from the file when there is space.
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
    // A change that consensus_add_server() or consensus_remove_server() has started is over: 0 if
    // it is committed; -ETIMEDOUT if the new server did not catch up; -ECANCELED after
    // consensus_remove_server() of the server that is being added; -ENOTCONN if this member is no
    // longer the leader, when the log will say whether the change takes place. NULL allowed.
    void (*change_ended)(void *userdata, struct uuid server, int result);
};

// A change of the members.
//
//     adding:   none -> preparing -> catching up -> committing -> none
//     removing: none -> preparing -> committing -> none
enum consensus_phase {
    CONSENSUS_CHANGE_NONE,
    CONSENSUS_CHANGE_PREPARING,   // the leader commits an entry of its own term first
    CONSENSUS_CHANGE_CATCHING_UP, // the new server gets the log; it does not count for majorities
    CONSENSUS_CHANGE_COMMITTING,  // the entry with the new members is in the log
    CONSENSUS_CHANGE_N_PHASES,
};

struct consensus_change {
    enum consensus_phase phase;
    bool is_adding; // false: removing
    struct uuid server;
    char *address; // of the server that is added, borrowed until the next event; NULL otherwise
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
// entries after it, which entry() returns, the term and the vote in it (UUID_ZERO: none). A server
// that is to join has neither: the index of the snapshot is 0. Times are in ms of a clock that
// never goes back.
void consensus_start(struct consensus *consensus, uint64_t now, uint64_t term, struct uuid vote,
                     size_t n_entries);

// When to call consensus_timeout() at the latest.
uint64_t consensus_deadline(const struct consensus *consensus);
void consensus_timeout(struct consensus *consensus, uint64_t now);
// The connections with the leader have ended: it probably runs no longer. A follower forgets it, so
// that it can vote for another one, and begins an election after 50 to 150 ms instead of an
// election timeout. A leader that other members still hear of is not deposed, because they refuse
// the pre-vote. No effect at other members.
void consensus_leader_lost(struct consensus *consensus, uint64_t now);
// Handles a message of `from`, a server of this cluster: the owner has verified that. This member
// may not know yet that it is a member, and accepts what it sends: an append or a snapshot of a
// leader that joined while this member was away, or while this server is to join itself.
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

// Appends entries, which do not change the members, to the log of the leader; sets their term and
// index. Returns 0, or -ENOTCONN if this member is not the leader or hands leadership over.
int consensus_submit(struct consensus *consensus, uint64_t now, struct log_entry *entries,
                     size_t n);
// Hands leadership over to the member `to`; UUID_ZERO: to the one with the longest log. Returns 0,
// -ENOTCONN if this member is not the leader, -EALREADY if it hands leadership over already, or
// -ENOENT if there is no such other member. If it does not succeed within an election timeout, this
// member remains leader.
int consensus_transfer(struct consensus *consensus, uint64_t now, struct uuid to);
// Adds a member: sends it the log first, and makes it a member when it has caught up. The owner
// sends its messages to `address` from now on. Returns 0; -ENOTCONN as consensus_submit(); -EBUSY
// if a change of the members is in progress; -EALREADY if it is a member; -EEXIST if a member has
// this address or an id with the same first half. change_ended() reports the end. It ends with
// -ETIMEDOUT if the server takes longer than 60 election timeouts for the snapshot or for the
// entries that were written meanwhile, or does not keep up with new entries.
int consensus_add_server(struct consensus *consensus, uint64_t now, struct uuid id,
                         const char *address);
// Removes a member, or cancels the addition of a server before it is in the log. Returns 0,
// -ENOTCONN, -EBUSY as above; -ENOENT if there is no such member; -EINVAL if it is the only one.
// A leader that removes itself becomes a follower when the change is committed; to avoid that the
// others must wait for an election timeout, it hands leadership over instead and asks the new
// leader. A removed member gets no more messages: its owner learns of it from the other members.
int consensus_remove_server(struct consensus *consensus, uint64_t now, struct uuid id);
void consensus_set_election_timeout(struct consensus *consensus, unsigned ms);

struct consensus_state {
    enum consensus_role role;
    const char *failure;  // why the consensus has failed; NULL: it has not
    bool is_vote_unsaved; // it has failed because save_vote() failed
    uint64_t term;
    struct uuid vote;   // in this term; UUID_ZERO: none
    struct uuid leader; // UUID_ZERO: unknown
    uint64_t last_index;
    uint64_t persisted_index;
    uint64_t commit_index;
    bool is_transferring;
    struct consensus_change change; // at the leader
};
void consensus_state(const struct consensus *consensus, struct consensus_state *ret);
// For the leader: the index up to which the log of a member is known to match. 0 if unknown.
uint64_t consensus_match_index(const struct consensus *consensus, struct uuid member);
const char *consensus_role_name(enum consensus_role role);
const char *consensus_phase_name(enum consensus_phase phase);
