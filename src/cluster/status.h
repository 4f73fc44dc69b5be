// SPDX-License-Identifier: Apache-2.0
// The state of one member of a cluster, as the command cluster/status and the metrics show it.
#pragma once

#include "basic/uuid.h"

#include <stdbool.h>
#include <stddef.h>

enum cluster_state {
    CLUSTER_MEMBER,
    CLUSTER_JOINING,
    CLUSTER_LEAVING,
    CLUSTER_LEFT,
    CLUSTER_FAILED,       // the file could not be written; this process is no member any more
    CLUSTER_DISCONNECTED, // no leader is known for longer than the election timer
    CLUSTER_N_STATES,
};

enum cluster_role {
    CLUSTER_FOLLOWER,
    CLUSTER_CANDIDATE,
    CLUSTER_LEADER,
    CLUSTER_N_ROLES,
};

enum cluster_election_reason {
    ELECTION_TIMEOUT,
    ELECTION_TRANSFER, // the leader has handed leadership over
    ELECTION_N_REASONS,
};

// Why this member has started its last election, and when: ms ago.
struct cluster_election {
    bool is_known; // false: it has started none since its start
    bool is_won;
    enum cluster_election_reason reason;
    uint64_t started_ms;
    uint64_t won_ms; // if it is won
};

// A member of the cluster, this server included.
struct cluster_member {
    struct uuid id;
    const char *address;
    bool has_progress;    // the next three are known: this server is the leader
    uint64_t next_index;  // of the entry that the leader sends it next
    uint64_t match_index; // of the last entry that the member is known to have stored
    uint64_t lag;         // entries of the leader's log after `match_index`
    bool has_last_message;
    uint64_t last_message_ms; // ms since its last message
};

// A server that the leader adds or removes.
struct cluster_change {
    struct uuid id;
    const char *address;
    bool is_removal;
    const char *phase; // "adding: catching up"
};

struct cluster_connection {
    struct uuid id; // UUID_ZERO: not known yet
    bool is_incoming;
    bool is_connected;
};

// Strings and arrays are borrowed.
struct cluster_status {
    const char *name;       // of the database
    struct uuid cluster_id; // UUID_ZERO: not known yet
    struct uuid server_id;
    const char *address;
    enum cluster_state state;
    const char *const *remotes; // to which a joining server connects
    size_t n_remotes;
    const struct cluster_change *changes;
    size_t n_changes;
    enum cluster_role role;
    uint64_t term;
    struct uuid leader; // UUID_ZERO: not known
    struct uuid vote;   // in this term; UUID_ZERO: none
    struct cluster_election election;
    uint64_t election_timer; // ms
    uint64_t first_index;    // of the log's first entry
    uint64_t last_index;     // of the log's last entry; first_index - 1: the log is empty
    uint64_t commit_index;   // at most last_index
    uint64_t applied_index;  // at most commit_index, although a leader executes entries earlier
    const struct cluster_connection *connections;
    size_t n_connections;
    const struct cluster_member *members;
    size_t n_members;

    // Since the start of the server.
    uint64_t n_disconnections;
    uint64_t n_elections;      // that this member has started
    uint64_t n_leader_changes; // that this member has seen
    uint64_t n_messages_sent, n_messages_received;
    uint64_t n_snapshots_sent, n_snapshots_installed;
};
