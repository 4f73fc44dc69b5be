// SPDX-License-Identifier: Apache-2.0
// What the journal says of a clustered database.
#include "daemon/cluster/clusters_private.h"

#include "daemon/cluster/events.h"

struct event_server cluster_event_server(const struct clustered *clustered,
                                         const struct cluster_server *server)
{
    struct uuid self = cluster_log_contents(clustered->log)->header.server_id;

    return (struct event_server){server->id, server->address, uuid_equals(server->id, self)};
}

// Logs how `servers` differ from the members before.
void cluster_report_servers(const struct clustered *clustered, const struct servers *servers)
{
    for (size_t i = 0; i < servers->n && clustered->servers.n; i++) {
        struct event_server event = cluster_event_server(clustered, &servers->list[i]);

        if (!servers_find(&clustered->servers, event.id)) {
            cluster_event_joined(clustered->name, &event);
        }
    }
    for (size_t i = 0; i < clustered->servers.n; i++) {
        struct event_server event = cluster_event_server(clustered, &clustered->servers.list[i]);

        if (!servers_find(servers, event.id)) {
            cluster_event_left(clustered->name, &event);
        }
    }
}

static size_t count_connected(const struct clustered *clustered)
{
    size_t n = 1; // this server

    for (size_t i = 0; i < clustered->servers.n; i++) {
        n += peers_is_connected(clustered->peers, clustered->servers.list[i].id);
    }
    return n;
}

void cluster_report_state(struct clustered *clustered, const struct member_status *status)
{
    bool leads = status->consensus.role == CONSENSUS_LEADER;

    if (leads && !clustered->led) {
        cluster_event_elected(clustered->name, status->consensus.term);
    } else if (!leads && clustered->led) {
        cluster_event_leadership_lost(clustered->name, clustered->led_term, status->n_withdrawn);
    }
    if (leads) {
        clustered->led_term = status->consensus.term;
    }
    clustered->led = leads;
    if (!status->is_connected && clustered->had_leader) {
        cluster_event_quorum_lost(clustered->name, count_connected(clustered),
                                  clustered->servers.n);
    } else if (status->is_connected && !clustered->had_leader && clustered->quorum_was_lost) {
        cluster_event_quorum_back(clustered->name);
    }
    clustered->quorum_was_lost |= clustered->had_leader && !status->is_connected;
    clustered->had_leader = status->is_connected;
}
