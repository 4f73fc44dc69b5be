// SPDX-License-Identifier: Apache-2.0
// The parts of the running server on which commands, settings and the handover work. daemon.c makes
// them before anything is served and frees them at the end; no other code changes these pointers.
#pragma once

#include "daemon/databases/databases.h"
#include "daemon/options.h"
#include "daemon/remotes/remotes.h"

struct clusters;
struct cluster_control;
struct command_registry;
struct relays;
struct sync;
struct upstreams;
struct tls_settings;

struct parts {
    struct server_options *options; // the current ones: a reload replaces the content
    struct server *server;
    struct net *net;
    struct databases *databases;
    struct tls_settings *tls;
    struct remotes *remotes;
    struct upstreams *upstreams;
    struct sync *sync;
    struct relays *relays;
    struct clusters *clusters;                     // NULL: built without libraft
    const struct cluster_control *cluster_control; // NULL: no database is clustered
    struct command_registry *registry;
};
