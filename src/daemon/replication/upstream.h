// SPDX-License-Identifier: Apache-2.0
// Connections to sources: to the servers whose databases are replicated. Databases with the same
// source and options share one connection. replication/source.h has the protocol.
//
// A source is a list of remotes, "tcp:A:6640,ssl:B:6640". A single remote is dialed again as every
// connector does. Of several, the next one is dialed at once when one cannot be reached or its
// connection ends, and after a wait when none of them could be reached. A server of which none of
// the databases can be replicated counts as one that cannot be reached (source_set_alternatives()).
#pragma once

#include "net/net.h"
#include "replication/source.h"
#include "session/server.h"

#include <systemd/sd-event.h>

struct upstreams;
struct upstream;

// An "ssl:" source uses the TLS options of `net`.
struct upstreams *upstreams_new(sd_event *event, struct server *server, struct net *net);
void upstreams_free(struct upstreams *upstreams); // every replica must have left; NULL allowed

// Checks that `source` is a list of at least one remote to connect to.
struct failure *upstream_check_source(const char *source);

// Makes `replica` follow `source`, a valid list, over the connection of other replicas if there is
// one. The replica stays the caller's.
struct failure *upstream_join(struct upstreams *upstreams, const char *source,
                              const struct remote_options *options, struct replica *replica,
                              struct upstream **ret);
// Stops following. The connection is closed when the last replica leaves. Not from within a
// function of the replica, except is_self().
void upstream_leave(struct upstream *upstream, struct replica *replica);
// Sets the options of the connection, which stays open, for all of its replicas.
void upstream_set_options(struct upstream *upstream, const struct remote_options *options);
size_t upstream_n_replicas(const struct upstream *upstream);
// Why the last attempt to connect or the last connection has failed; NULL while it works. Valid
// until the next call of a function of the upstream or turn of the loop.
const char *upstream_failure(struct upstream *upstream);
// The remote that is connected or being dialed.
const char *upstream_remote(const struct upstream *upstream);

// source_request(), source_cancel_there() and source_cancel() on the connection.
uint64_t upstream_request(struct upstream *upstream, const char *method, struct slice params,
                          source_done *done, void *userdata);
void upstream_cancel_there(struct upstream *upstream, uint64_t number);
void upstream_cancel(struct upstream *upstream, uint64_t number);
