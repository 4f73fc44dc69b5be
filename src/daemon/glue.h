// SPDX-License-Identifier: Apache-2.0
// Where connections meet sessions: each connection that comes up gets a session, what it says goes
// to the session, and what the session sends goes out through the connection.
#pragma once

#include "daemon/remotes.h"
#include "session/server.h"

// A net whose connections are sessions of `server`, which must outlive it. The userdata of its
// remotes is their struct remote_settings.
struct net *glue_net_new(sd_event *event, struct server *server);
