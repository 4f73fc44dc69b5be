// SPDX-License-Identifier: Apache-2.0
// A restart that clients do not notice: their connections, the listening sockets and the state of
// the sessions are kept by the service manager while the next process of the service starts.
//
// Connections with TLS, connections whose output exceeds the limit for all, and those whose state
// cannot be restored exactly are closed: these clients connect again, as after any other restart.
#pragma once

#include "basic/macro.h"
#include "daemon/parts.h"
#include "service/listen_fds.h"

struct handover;

// Gives connections, listeners and state to the service manager. All commits must be synced. The
// connections that were given then end here without a message to the client. If it fails, it logs
// why, and nothing has changed.
void handover_give(const struct parts *parts);

// Takes the handover of the former process from `fds`: the fd of its element becomes -1, and the
// service manager no longer keeps it. NULL: `fds` has none, or it is of a version that this program
// cannot read.
struct handover *handover_take(struct listen_fd *fds, size_t n_fds);
void handover_free(struct handover *handover); // closes the descriptors left; NULL allowed

// The next three are called in this order; `handover` may be NULL.
// The databases are open, and neither clients nor monitors have used them.
void handover_restore_databases(struct handover *handover, const struct parts *parts);
// No remote is open yet: one that is opened then uses the listening socket handed over.
void handover_offer_listeners(struct handover *handover, struct net *net);
// The remotes are open: restores the connections and their sessions.
void handover_continue(struct handover *handover, const struct parts *parts);

DEFINE_CLEANUP(struct handover *, handover_freep, handover_free)
#define _cleanup_handover_ _cleanup_(handover_freep)
