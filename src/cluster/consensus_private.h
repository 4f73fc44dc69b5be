// SPDX-License-Identifier: Apache-2.0
// What the files of the consensus share: consensus.c, receive.c, membership.c.
#pragma once

#include "cluster/consensus.h"
#include "cluster/raft_forms.h"

// A server that is added has this number of election timeouts for a snapshot, and for each round of
// entries that follow.
enum { CATCH_UP_TIMEOUTS = 60 };

struct consensus {
    struct raft raft;
    struct uuid id;
    const struct consensus_handler *handler;
    void *userdata;
    struct servers known; // every server whose id has been seen, for the way back from a raft_id
    // The calls of append() that are not durable yet, in their order.
    struct pending_append {
        uint64_t first, last;
    } * pending;
    size_t n_pending, pending_capacity;
    struct consensus_change change; // the address is owned
    uint64_t change_index;          // phase PREPARING, COMMITTING: of the entry to be committed
    uint64_t change_term;           // of this entry
    uint64_t last_timeout;          // the time of the last consensus_timeout()
    uint64_t now;                   // the time of the last event
    struct uuid first_snapshot_to;  // see send_first_snapshot()
    uint64_t first_snapshot_time;
    // The commit indexes that the other members have been sent in this term.
    struct sent_commit {
        raft_id to;
        uint64_t index;
    } * sent_commits;
    size_t n_sent_commits, sent_commits_capacity;
    uint64_t sent_commits_term;
    bool is_started;
    bool is_stepping;    // an update is being carried out
    bool is_installing;  // from install() to consensus_installed()
    const char *failure; // why it has failed; NULL: it has not
    // What the owner has been told.
    enum consensus_role role;
    uint64_t commit_index;
};

// UUID_ZERO if the server is not known.
struct uuid consensus_id_of(const struct consensus *consensus, raft_id id);
// Remembers the ids and addresses.
void consensus_learn(struct consensus *consensus, const struct servers *servers);
enum consensus_role consensus_role_now(const struct consensus *consensus);
// True at a leader that does not hand leadership over.
bool consensus_accepts_entries(const struct consensus *consensus);
// Gives libraft an event. `entries` are those of the event, the first of which has the index
// `first_index`.
void consensus_step(struct consensus *consensus, struct raft_event *event,
                    const struct log_entry *entries, uint64_t first_index);
// Appends entries to the log of the leader; sets their term and index. With `configuration`, the
// only entry changes the members.
void consensus_propose(struct consensus *consensus, uint64_t now, struct log_entry *entries,
                       size_t n, const struct raft_configuration *configuration);

// Called after each event: continues the change of the members when its phase is over.
void membership_advance(struct consensus *consensus, uint64_t now);
