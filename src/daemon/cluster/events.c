// SPDX-License-Identifier: Apache-2.0
#include "daemon/cluster/events.h"

#include "basic/log.h"
#include "basic/macro.h"
#include "basic/messages.h"

#include <stdio.h>

LOG_MODULE(cluster);

// Logs "DB: server SSSS at ADDRESS WHAT", or "DB: this server, SSSS at ADDRESS, WHAT".
static void log_server(enum log_level level, const char *message_id, const char *db,
                       const struct event_server *server, const char *what)
{
    char id[UUID_TEXT_SIZE];

    uuid_text(server->id, id);
    log_event(
        level, message_id,
        LOG_FIELDS({"OVSDB_DATABASE", db}, {"OVSDB_SERVER", id}, {"OVSDB_REMOTE", server->address}),
        "%s: %s %.4s at %s%s %s", db, server->is_self ? "this server," : "server", id,
        server->address, server->is_self ? "," : "", what);
}

void cluster_event_elected(const char *db, uint64_t term)
{
    log_event(LOG_LEVEL_INFO, MSG_CLUSTER_ELECTED, LOG_FIELDS({"OVSDB_DATABASE", db}),
              "%s: this server is the leader of term %llu", db, (unsigned long long)term);
}

void cluster_event_leadership_lost(const char *db, uint64_t term, size_t n_withdrawn)
{
    log_event(n_withdrawn ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, MSG_CLUSTER_LEADERSHIP_LOST,
              LOG_FIELDS({"OVSDB_DATABASE", db}),
              "%s: this server is no longer the leader of term %llu; transactions withdrawn: %zu",
              db, (unsigned long long)term, n_withdrawn);
}

void cluster_event_member_lost(const char *db, const struct event_server *server)
{
    log_server(LOG_LEVEL_WARN, MSG_CLUSTER_MEMBER_LOST, db, server, "is not connected");
}

void cluster_event_member_back(const char *db, const struct event_server *server)
{
    log_server(LOG_LEVEL_INFO, MSG_CLUSTER_MEMBER_BACK, db, server, "is connected");
}

void cluster_event_quorum_lost(const char *db, size_t n_connected, size_t n_members)
{
    log_event(LOG_LEVEL_ERR, MSG_CLUSTER_QUORUM_LOST, LOG_FIELDS({"OVSDB_DATABASE", db}),
              "%s: no leader for longer than the election timer: transactions wait; %zu of %zu "
              "members are connected",
              db, n_connected, n_members);
}

void cluster_event_quorum_back(const char *db)
{
    log_event(LOG_LEVEL_INFO, MSG_CLUSTER_QUORUM_BACK, LOG_FIELDS({"OVSDB_DATABASE", db}),
              "%s: the cluster has a leader again", db);
}

void cluster_event_snapshot_sent(const char *db, const struct event_server *server, uint64_t size)
{
    char what[64];

    snprintf(what, sizeof(what), "was sent a snapshot of %llu bytes", (unsigned long long)size);
    log_server(LOG_LEVEL_INFO, MSG_CLUSTER_SNAPSHOT_SENT, db, server, what);
}

void cluster_event_snapshot_installed(const char *db, uint64_t index)
{
    log_event(LOG_LEVEL_INFO, MSG_CLUSTER_SNAPSHOT_INSTALLED, LOG_FIELDS({"OVSDB_DATABASE", db}),
              "%s: installed the leader's snapshot of index %llu", db, (unsigned long long)index);
}

void cluster_event_joined(const char *db, const struct event_server *server)
{
    log_server(LOG_LEVEL_INFO, MSG_CLUSTER_JOINED, db, server, "has joined the cluster");
}

void cluster_event_left(const char *db, const struct event_server *server)
{
    log_server(LOG_LEVEL_INFO, MSG_CLUSTER_LEFT, db, server, "has left the cluster");
}

void cluster_event_kicked(const char *db, const struct event_server *server)
{
    log_server(LOG_LEVEL_WARN, MSG_CLUSTER_KICKED, db, server, "was removed from the cluster");
}
