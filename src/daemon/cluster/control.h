// SPDX-License-Identifier: Apache-2.0
// What the control commands and the metrics need of the clustered databases.
#pragma once

#include "basic/failure.h"
#include "cluster/status.h"

// `db` is the name of a database. The functions but status() are called only for clustered ones. A
// failure is the caller's to free; NULL: the operation has begun, or is done.
struct cluster_control {
    // False: the database is not clustered, or does not exist. *ret is valid until the caller
    // returns to the event loop or calls another of these functions for the same database.
    bool (*status)(void *userdata, const char *db, struct cluster_status *ret);
    // Leaves the cluster: hands leadership over, then asks the leader to remove this server. Not
    // called for a server that is joining, or that has left.
    struct failure *(*leave)(void *userdata, const char *db);
    // Removes a member, or a server that is being added, at the leader, or sends it the request.
    struct failure *(*kick)(void *userdata, const char *db, struct uuid server);
    // Appends a change of the election timer to the log. Called on the leader only, with a value
    // that is allowed.
    struct failure *(*change_election_timer)(void *userdata, const char *db, uint64_t ms);
    // Above either limit a member gets no further messages until it has caught up.
    void (*set_backlog_threshold)(void *userdata, const char *db, uint64_t n_messages,
                                  uint64_t n_bytes);
    // For tests: makes the clusters of this process fail at a certain point. False: there is no
    // such scenario.
    bool (*set_failure)(void *userdata, const char *scenario);
    void *userdata;
};
