// SPDX-License-Identifier: Apache-2.0
// A restart that clients do not notice: their connections, and the sockets that listen, wait with
// the service manager while the next process of the service starts, with what the sessions on them
// were in the middle of.
//
// What was in TLS, what has more output queued than fits, and what cannot be told exactly, is
// closed: those clients connect anew, as after any other restart.
#pragma once

#include "daemon/daemon.h"

struct handover;

// Gives to the service manager what the next process can go on with, all that is durable being
// synced. Here those connections end without a word. With any failure nothing has happened.
void handover_give(struct daemon *daemon);

// What a former process gave, if one of `fds` is that: it becomes -1 then, and the service manager
// keeps it no longer. NULL: nothing, or nothing that this program understands.
struct handover *handover_take(struct listen_fd *fds, size_t n_fds);
void handover_free(struct handover *handover); // closes what is left; NULL allowed
// These follow in this order; `handover` may be NULL. The first: the databases have been opened,
// and nobody else has looked at them. The second: no remote is there yet.
void handover_restore_databases(struct handover *handover, struct daemon *daemon);
void handover_offer_listeners(struct handover *handover, struct net *net);
// The remotes are there.
void handover_continue(struct handover *handover, struct daemon *daemon);

DEFINE_CLEANUP(struct handover *, handover_freep, handover_free)
#define _cleanup_handover_ _cleanup_(handover_freep)
