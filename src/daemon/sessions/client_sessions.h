// SPDX-License-Identifier: Apache-2.0
// Connects the layers net and session: each new connection gets a session, which receives the
// connection's messages and sends its output through the connection.
#pragma once

#include "daemon/remotes/settings.h"
#include "daemon/sessions/identities.h"
#include "session/server.h"

// The server and the rules must outlive the net.
struct client_sessions {
    struct server *server;
    const struct identities *identities; // a reload may change them
};

// Creates the net for clients. The userdata of its remotes must be a struct remote_settings.
struct net *client_sessions_net_new(sd_event *event, struct client_sessions *client_sessions);
