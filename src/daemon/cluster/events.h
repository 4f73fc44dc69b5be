// SPDX-License-Identifier: Apache-2.0
// The events of a cluster that an administrator may want to find in the journal. Each function logs
// one message with a MESSAGE_ID; `db` is the name of the database. Call each once when the state
// changes, not for every attempt.
#pragma once

#include "basic/uuid.h"

#include <stddef.h>

// A server of the cluster; this one has is_self.
struct event_server {
    struct uuid id;
    const char *address;
    bool is_self;
};

// This server has become the leader.
void cluster_event_elected(const char *db, uint64_t term);
// This server has ceased to be the leader. `n_withdrawn` transactions were undone.
void cluster_event_leadership_lost(const char *db, uint64_t term, size_t n_withdrawn);
// The connection to a member has ended, or is usable again.
void cluster_event_member_lost(const char *db, const struct event_server *server);
void cluster_event_member_back(const char *db, const struct event_server *server);
// For longer than the election timer this server knows no leader or, as the leader, reaches no
// majority. `n_connected` members, this server included, of `n_members` are connected.
void cluster_event_quorum_lost(const char *db, size_t n_connected, size_t n_members);
void cluster_event_quorum_back(const char *db);
void cluster_event_snapshot_sent(const char *db, const struct event_server *server, uint64_t size);
// The snapshot holds the entries of the log up to `index`.
void cluster_event_snapshot_installed(const char *db, uint64_t index);
void cluster_event_joined(const char *db, const struct event_server *server);
// A server has left at its own request.
void cluster_event_left(const char *db, const struct event_server *server);
// A server was removed at the request of an administrator.
void cluster_event_kicked(const char *db, const struct event_server *server);
