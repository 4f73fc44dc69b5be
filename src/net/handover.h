// SPDX-License-Identifier: Apache-2.0
// Connections and listening sockets can continue in another process. This header gives access to
// what must be transferred beside their descriptors, and takes them over in the new process, once
// their remotes exist there. Connections with TLS cannot continue.
#pragma once

#include "basic/buf.h"
#include "net/net.h"

// Accepts the connections that wait at Unix sockets made here, because these sockets are not handed
// over and their queues would be lost.
void net_accept_waiting(struct net *net);
// Calls visit(), which must not change anything, for each connection that can continue: open,
// without TLS, and without output that waits for a commit log.
void net_visit_portable(struct net *net,
                        void (*visit)(void *userdata, struct connection *connection),
                        void *userdata);
// Calls visit() for each listening TCP socket that was made here.
void net_visit_listeners(struct net *net, void (*visit)(void *userdata, const char *target, int fd),
                         void *userdata);
int connection_fd(const struct connection *connection);
// Bytes received and not yet handled. Valid until the connection handles input.
struct slice connection_input(const struct connection *connection);
// Appends the queued output to *buf.
void connection_put_output(const struct connection *connection, struct buf *buf);
// Ends the connection in this process, without closing it for the peer: another process has its
// socket too. The loop calls closed() later.
void connection_leave(struct connection *connection);
// Continues a connection of another process: `input` was received there and is to be handled,
// `output` is to be sent. Calls opened() before it returns. Takes over `fd`. Returns NULL, having
// closed `fd`, if the socket cannot be watched, or the remote uses TLS, or it is a connector that
// is connected or dialing.
struct connection *remote_continue(struct remote *remote, int fd, struct slice name,
                                   struct slice input, struct slice output);
// Keeps a listening socket of another process for the next remote that is made with this target.
// Takes over `fd`.
void net_offer_listener(struct net *net, struct slice target, int fd);
// Closes the offered sockets that no remote has taken.
void net_close_offered(struct net *net);
