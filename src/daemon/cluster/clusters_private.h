// SPDX-License-Identifier: Apache-2.0
// The structure of a clustered database, for the files of this folder.
//
//     clusters.c   the databases of this server
//     clustered.c  one database: the disk, the network and the time of its member
//     journal.c    its events in the journal
//     requests.c   clients' requests between followers and the leader
//     snapshots.c  snapshots in the place of the log
//     peers.c      the connections
#pragma once

#include "daemon/cluster/clusters.h"
#include "daemon/cluster/control.h"
#include "daemon/cluster/events.h"
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

// clusters.c
void clusters_check_handed_over(struct clusters *clusters);

// clustered.c
// add() of struct databases_cluster_functions.
struct failure *clustered_add(void *userdata, const char *path);
// Listens, and lets the member take part.
void clustered_start(struct clustered *clustered);
// Stops, and closes the file. The server must not serve the database any more.
void clustered_free(struct clustered *clustered);
// Shows the state of the member in _Server, and decides whether requests are executed, forwarded or
// wait.
void clustered_show_state(struct clustered *clustered);
// Sets the timer to the next deadline of the member. At the end of each turn.
void clustered_set_timer(struct clustered *clustered);
// convert() of struct databases_cluster_functions.
void clustered_convert(void *userdata, struct db *db, struct schema *schema);
// Tells the client that a conversion could not be appended to the log.
void clustered_report_conversion(struct clustered *clustered);

// journal.c
struct event_server cluster_event_server(const struct clustered *clustered,
                                         const struct cluster_server *server);
// Logs how `servers` differ from the members before.
void cluster_report_servers(const struct clustered *clustered, const struct servers *servers);
// Logs how the state differs from the one that was logged last.
void cluster_report_state(struct clustered *clustered, const struct member_status *status);

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
