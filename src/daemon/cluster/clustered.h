// SPDX-License-Identifier: Apache-2.0
// The structure of a clustered database, for the files of this folder.
//
//     clusters.c   the databases, the members' disk, network and time
//     requests.c   clients' requests between followers and the leader
//     snapshots.c  snapshots in the place of the log
//     peers.c      the connections
#pragma once

#include "daemon/cluster/clusters.h"
#include "daemon/cluster/control.h"
#include "daemon/cluster/peers.h"
#include "session/forward.h"
#include "session/session.h"
#include "store/cluster_log.h"

struct clusters {
    sd_event *event;
    struct server *server;
    struct databases *databases;
    struct net *clients_net; // has the TLS options
    struct group_commit *group_commit;
    struct databases_observer observer;
    struct list all;
    bool is_started;
    void (*handed_over)(void *userdata);
    void *handed_over_userdata;
    sd_event_source *hand_over_timer;
    struct cluster_control control;
};

struct clustered {
    struct clusters *clusters;
    struct list node; // clusters->all
    char *name;
    char *path;
    struct cluster_log *log;
    struct member *member;
    struct net *net; // of the peers
    struct peers *peers;
    struct db *db; // the served one, owned by `databases`
    bool has_schema;
    bool is_started;
    bool is_converting;                   // a conversion of a client is in the log
    struct ovsdb_error *conversion_error; // why it could not be appended, or NULL
    sd_event_source *timer;
    uint64_t timer_set;     // ms; when the timer fires
    uint64_t shown_index;   // in _Server
    uint64_t shown_at;      // ms
    struct servers servers; // that the peers know

    uint64_t n_sent, n_received; // messages
    bool had_leader;             // as the journal knows
    bool quorum_was_lost;
    bool led;
    uint64_t led_term;

    // The last struct cluster_status.
    struct cluster_member *members;
    struct cluster_connection *connections;
    struct cluster_change change;

    // requests.c
    bool forwards;        // the server forwards requests
    uint64_t last_number; // of a request
    struct list requests; // to the leader
    struct uuid leader;   // to which they were sent
    struct list proxies;  // sessions of other members at this server

    // snapshots.c
    struct cluster_snapshot *snapshot; // the running one, or NULL
    uint64_t compacted_size;
    usec_t compacted_at;
};

uint64_t clustered_now(void); // ms
bool clustered_leads(const struct clustered *clustered);

// cluster_state.c
void clusters_init_control(struct clusters *clusters, struct cluster_control *ret);

// requests.c
extern const struct forwarder clustered_forwarder;
void requests_init(struct clustered *clustered);
// A message of the kinds REQUEST to CLIENT_GONE.
void requests_receive(struct clustered *clustered, struct uuid from,
                      const struct wire_message *message);
// The state of the member has changed: the leader, or the entries that memory shows.
void requests_update(struct clustered *clustered, struct uuid leader, uint64_t applied_index);
// The connection to a member has been made or has ended.
void requests_connected(struct clustered *clustered, struct uuid peer, bool is_connected);
void requests_done(struct clustered *clustered);

// snapshots.c
// Runs a step of the running snapshot. True: call again soon.
bool snapshots_run(struct clustered *clustered);
bool snapshots_is_due(const struct clustered *clustered);
void snapshots_stop(struct clustered *clustered, const char *reason);
