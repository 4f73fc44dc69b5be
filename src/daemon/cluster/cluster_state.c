// SPDX-License-Identifier: Apache-2.0
// What the control commands and metrics ask of the clustered databases (control.h).
#include "daemon/cluster/clusters_private.h"
#include "daemon/cluster/control.h"
#include "daemon/cluster/events.h"

#include <errno.h>

static uint64_t ago(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

static enum cluster_state state_of(const struct member_status *status)
{
    switch (status->state) {
    case MEMBER_JOINING:
        return CLUSTER_JOINING;
    case MEMBER_LEFT:
        return CLUSTER_LEFT;
    case MEMBER_FAILED:
        return CLUSTER_FAILED;
    default:
        return status->is_leaving     ? CLUSTER_LEAVING
               : status->is_connected ? CLUSTER_MEMBER
                                      : CLUSTER_DISCONNECTED;
    }
}

static enum cluster_role role_of(const struct member_status *status)
{
    switch (status->consensus.role) {
    case CONSENSUS_LEADER:
        return CLUSTER_LEADER;
    case CONSENSUS_CANDIDATE:
        return CLUSTER_CANDIDATE;
    default:
        return CLUSTER_FOLLOWER;
    }
}

static void put_election(const struct member_status *status, uint64_t now,
                         struct cluster_election *ret)
{
    ret->is_known = status->election_started;
    ret->is_won = status->election_won;
    ret->reason = status->election_is_transfer ? ELECTION_TRANSFER : ELECTION_TIMEOUT;
    ret->started_ms = ago(now, status->election_started);
    ret->won_ms = ago(now, status->election_won);
}

static void put_members(struct clustered *clustered, const struct member_status *status,
                        struct cluster_status *ret)
{
    const struct servers *servers = member_servers(clustered->member);
    bool leads = status->consensus.role == CONSENSUS_LEADER;
    struct uuid self = ret->server_id;

    clustered->members = xreallocarray(clustered->members, servers->n + 1, sizeof(*ret->members));
    for (size_t i = 0; i < servers->n; i++) {
        struct cluster_member *member = &clustered->members[i];

        *member = (struct cluster_member){
            .id = servers->list[i].id, .address = servers->list[i].address, .has_progress = leads};
        member->match_index = uuid_equals(member->id, self)
                                  ? status->consensus.persisted_index
                                  : member_match_index(clustered->member, member->id);
        member->next_index = member->match_index + 1;
        member->lag = ago(ret->last_index, member->match_index);
    }
    ret->members = clustered->members;
    ret->n_members = servers->n;
}

// The connections, and when each member was heard of last.
static void put_connections(struct clustered *clustered, struct cluster_status *ret)
{
    usec_t now = clock_monotonic();
    struct peer_state peer;
    size_t n = 0, state = 0;

    while (peers_next(clustered->peers, &state, &peer)) {
        clustered->connections =
            xreallocarray(clustered->connections, n + 2, sizeof(*clustered->connections));
        clustered->connections[n++] =
            (struct cluster_connection){peer.id, false, peer.is_outgoing_connected};
        if (peer.is_incoming_connected) {
            clustered->connections[n++] = (struct cluster_connection){peer.id, true, true};
        }
        for (size_t i = 0; i < ret->n_members; i++) {
            if (uuid_equals(clustered->members[i].id, peer.id) && peer.last_received) {
                clustered->members[i].has_last_message = true;
                clustered->members[i].last_message_ms = (now - peer.last_received) / USEC_PER_MSEC;
            }
        }
    }
    ret->connections = clustered->connections;
    ret->n_connections = n;
}

static void put_change(struct clustered *clustered, const struct member_status *status,
                       struct cluster_status *ret)
{
    const struct consensus_change *change = &status->consensus.change;
    const struct cluster_server *server =
        servers_find(member_servers(clustered->member), change->server);

    if (change->phase != CONSENSUS_CHANGE_NONE) {
        clustered->change = (struct cluster_change){
            .id = change->server,
            .address = change->address ? change->address
                       : server        ? server->address
                                       : "",
            .is_removal = !change->is_adding,
            .phase = consensus_phase_name(change->phase),
        };
        ret->changes = &clustered->change;
        ret->n_changes = 1;
    }
}

static bool on_status(void *userdata, const char *db, struct cluster_status *ret)
{
    struct clustered *clustered = clusters_find(userdata, db);
    uint64_t now = clustered_now();
    const struct member_log *log;
    struct member_status status;

    if (!clustered || !clustered->is_started) {
        return false;
    }
    log = cluster_log_contents(clustered->log);
    member_status(clustered->member, now, &status);
    *ret = (struct cluster_status){
        .name = clustered->name,
        .cluster_id = log->header.cluster_id,
        .server_id = log->header.server_id,
        .address = log->header.local_address,
        .state = state_of(&status),
        .remotes = (const char *const *)log->header.remote_addresses,
        .n_remotes = log->header.n_remote_addresses,
        .role = role_of(&status),
        .term = status.consensus.term,
        .leader = status.leader,
        .vote = status.consensus.vote,
        .election_timer = status.election_timer,
        .first_index = log->header.prev_index + 1,
        .last_index = member_log_last_index(log),
        // The consensus begins at the snapshot, the database at the last recorded commit index.
        .commit_index = MAX(status.consensus.commit_index, status.applied_index),
        .applied_index = status.applied_index,
        .n_disconnections = peers_n_disconnections(clustered->peers),
        .n_elections = status.n_elections,
        .n_leader_changes = status.n_leader_changes,
        .n_messages_sent = clustered->n_sent,
        .n_messages_received = clustered->n_received,
        .n_snapshots_sent = status.n_snapshots_sent,
        .n_snapshots_installed = status.n_snapshots_installed,
    };
    put_election(&status, now, &ret->election);
    put_members(clustered, &status, ret);
    put_connections(clustered, ret);
    put_change(clustered, &status, ret);
    return true;
}

static struct failure *on_leave(void *userdata, const char *db)
{
    struct clustered *clustered = clusters_find(userdata, db);

    if (member_servers(clustered->member)->n == 1) {
        return failure_new(FAILURE_INVALID, "the only member cannot leave");
    }
    member_leave(clustered->member, clustered_now());
    return NULL;
}

static struct failure *on_kick(void *userdata, const char *db, struct uuid server)
{
    struct clustered *clustered = clusters_find(userdata, db);
    const struct cluster_server *found = servers_find(member_servers(clustered->member), server);
    const struct event_server event = {.id = server, .address = found ? found->address : ""};

    switch (member_kick(clustered->member, clustered_now(), server)) {
    case 0:
        if (found) {
            cluster_event_kicked(clustered->name, &event);
        }
        return NULL;
    case -EBUSY:
        return failure_new(FAILURE_BUSY, "the members are being changed already; try again");
    case -ENOENT:
        return failure_new(FAILURE_INVALID, "there is no such member");
    case -EINVAL:
        return failure_new(FAILURE_INVALID, "the only member cannot be removed");
    default:
        return failure_new(FAILURE_BUSY, "no leader can be asked; try again");
    }
}

static struct failure *on_change_election_timer(void *userdata, const char *db, uint64_t ms)
{
    struct clustered *clustered = clusters_find(userdata, db);

    return member_set_election_timer(clustered->member, clustered_now(), (unsigned)ms)
               ? failure_new(FAILURE_BUSY, "this server does not lead the cluster")
               : NULL;
}

static void on_set_backlog_threshold(void *userdata, const char *db, uint64_t n_messages,
                                     uint64_t n_bytes)
{
    const struct clustered *clustered = clusters_find(userdata, db);

    peers_set_backlog_limits(clustered->peers, n_messages, n_bytes);
}

static bool on_set_failure(void *userdata, const char *scenario)
{
    return false;
}

void clusters_init_control(struct clusters *clusters, struct cluster_control *ret)
{
    *ret = (struct cluster_control){
        .status = on_status,
        .leave = on_leave,
        .kick = on_kick,
        .change_election_timer = on_change_election_timer,
        .set_backlog_threshold = on_set_backlog_threshold,
        .set_failure = on_set_failure,
        .userdata = clusters,
    };
}
