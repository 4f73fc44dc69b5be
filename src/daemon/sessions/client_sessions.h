// SPDX-License-Identifier: Apache-2.0
// Where connections meet sessions: each connection that comes up gets a session, what it says goes
// to the session, and what the session sends goes out through the connection.
#pragma once

#include "daemon/remotes/remotes.h"
#include "daemon/sessions/identities.h"
#include "session/server.h"

// Outlived by neither the server nor the rules.
struct client_sessions {
    struct server *server;
    const struct identities *identities; // they may change
};

// A net whose connections are sessions of the server. The userdata of its remotes is their struct
// remote_settings.
struct net *client_sessions_net_new(sd_event *event, struct client_sessions *client_sessions);
