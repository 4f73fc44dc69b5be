// SPDX-License-Identifier: Apache-2.0
// The part of a remote that listens. For this layer only.
#pragma once

#include "basic/log.h"
#include "basic/timers.h"
#include "net/acceptor.h"
#include "net/socket_file.h"
#include "net/stream.h"

struct remote;

struct listener {
    struct remote *remote;
    struct acceptor acceptor;
    struct socket_file file; // made here, or none
    // Listens on "[::]" for IPv6 only, because another remote has the port for IPv4. `timer` tells
    // when to try both again.
    bool is_narrowed;
    struct timer timer;
    uint16_t port; // 0: none
    struct log_limit limit;
};

// Makes a listener that does not listen yet.
struct listener *listener_new(struct remote *remote);
// Listens at the address of the remote.
struct failure *listener_open(struct listener *listener);
// Listens at `fd`, which it takes over on success.
struct failure *listener_adopt(struct listener *listener, int fd);
// Stops listening and removes the socket file. Other listeners may then widen.
void listener_close(struct listener *listener);
// Frees a closed listener (asserted). NULL allowed.
void listener_free(struct listener *listener);
// Accepts every connection that waits, at once.
void listener_accept_waiting(struct listener *listener);
// An accepted connection is ready for messages. Takes over the stream and the name.
void listener_welcome(struct listener *listener, const struct stream *stream, char *name);
