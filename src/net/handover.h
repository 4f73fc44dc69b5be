// SPDX-License-Identifier: Apache-2.0
// Connections, and sockets that listen, may go on in another process: what goes along beside the
// descriptors, and how they are taken over when their remotes are there (again). Only what had no
// TLS may.
#pragma once

#include "basic/buf.h"
#include "net/net.h"

// Accepts those that wait to be accepted by sockets that nobody will listen on until then.
void net_accept_waiting(struct net *net);
// Calls visit(), which must not change anything, for each connection that may go on, all its output
// being released.
void net_visit_portable(struct net *net,
                        void (*visit)(void *userdata, struct connection *connection),
                        void *userdata);
// The same for TCP sockets that were made here and listen.
void net_visit_listeners(struct net *net, void (*visit)(void *userdata, const char *target, int fd),
                         void *userdata);
int connection_fd(const struct connection *connection);
// What has been received and not yet been handled.
struct slice connection_input(const struct connection *connection);
// Appends what is queued.
void connection_put_output(const struct connection *connection, struct buf *buf);
// It goes on in another process, which has its socket too: ends here without any effect on it.
// closed() follows from the loop.
void connection_leave(struct connection *connection);
// A connection that has come from another process, with its name, what was received and is to be
// handled, and what is to be sent. opened() is called from within. `fd` is the net's; NULL if it
// cannot be used, or the remote dials and is connected already.
struct connection *remote_continue(struct remote *remote, int fd, struct slice name,
                                   struct slice input, struct slice output);
// A socket that has come from another process and listens: for the next remote with this target.
// `fd` is the net's.
void net_offer_listener(struct net *net, struct slice target, int fd);
// Closes those that no remote has taken.
void net_close_offered(struct net *net);
