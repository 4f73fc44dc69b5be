// SPDX-License-Identifier: Apache-2.0
// Connections that carry JSON-RPC messages, and the remotes they come from: listeners (punix, ptcp, descriptors passed by the
// service manager) and connectors (unix, tcp) that dial with back-off. All on one sd-event loop, one thread.
//
//     remote --> connection --message()--> handler            (bytes in: framer, bounded number per turn)
//     handler --connection_send(ticket)--> queue --> socket   (bytes out: only what the gate has released)
#pragma once

#include "basic/clock.h"
#include "basic/text.h"

#include <systemd/sd-event.h>

struct net;
struct remote;
struct connection;

struct net_handler {
    // A connection is up. The handler may connection_set_userdata().
    void (*opened)(struct connection *connection);
    // One validated value, valid during the call. Echo requests and replies to our probes are handled before and do not come here.
    void (*message)(struct connection *connection, struct slice text);
    // The backlog has fallen under the low-water mark after having been over it. May be NULL.
    void (*drained)(struct connection *connection);
    // It is over; the last call. `reason` is for the log, already written there.
    void (*closed)(struct connection *connection, const char *reason);
};

// The far end of a connection may be stopped from filling memory: see connection_backlog().
struct net *net_new(sd_event *event, const struct net_handler *handler, void *userdata);
void net_free(struct net *net); // closes everything
void *net_userdata(const struct net *net);
// Output with tickets up to `ticket` may leave. O(connections that wait for it).
void net_release(struct net *net, uint64_t ticket);
// Sends what is queued and released, for at most `timeout`: before exit.
void net_flush(struct net *net, usec_t timeout);

struct remote_options {
    uint64_t probe_interval_ms;   // UINT64_MAX: the default (5000 for tcp, 0 = off for unix)
    uint64_t max_backoff_ms;      // 0: the default 8000
    int dscp;                     // -1: the default (48 for tcp)
    bool no_retry;                // a connector that gives up after the first failure (tools)
};
#define REMOTE_OPTIONS_DEFAULT ((struct remote_options){.probe_interval_ms = UINT64_MAX, .dscp = -1})

// `target`: "punix:FILE", "ptcp:[PORT][:IP]", "unix:FILE", "tcp:HOST[:PORT]"; IPv6 addresses in brackets, default port 6640.
// On error *ret_error (caller frees) says why. A listener answers when this has returned; a connector dials from the loop.
int remote_new(struct net *net, const char *target, const struct remote_options *options, void *userdata,
               struct remote **ret, char **ret_error);
// Adopts a listening stream socket, or a connected one; its own address decides what it is; the name of the remote is what
// remote_new() would be given for it.
int remote_new_from_fd(struct net *net, int fd, const struct remote_options *options, void *userdata,
                       struct remote **ret, char **ret_error);
void remote_free(struct remote *remote); // closes its connections; unlinks the socket file it made
const char *remote_target(const struct remote *remote);
void *remote_userdata(const struct remote *remote);
void remote_set_options(struct remote *remote, const struct remote_options *options);
uint16_t remote_bound_port(const struct remote *remote); // 0: none
// True if `target` is well-formed (what kind it is does not matter).
bool remote_target_is_valid(const char *target);

struct remote_status {
    bool is_connected;
    const char *state;              // "BACKOFF", "CONNECTING", "ACTIVE", "LISTENING", ... static
    char last_error[128];           // "" if none
    usec_t last_connected;          // monotonic; 0: never
    usec_t last_disconnected;
    unsigned n_connections;
};
void remote_status(const struct remote *remote, struct remote_status *ret);

// Closes every connection of every remote; connectors dial again at once.
void net_reconnect(struct net *net);
size_t net_n_connections(const struct net *net);
size_t net_backlog(const struct net *net); // bytes queued over all connections

void connection_set_userdata(struct connection *connection, void *userdata);
void *connection_userdata(const struct connection *connection);
struct remote *connection_remote(const struct connection *connection);
const char *connection_name(const struct connection *connection); // "unix#3", "tcp:127.0.0.1:40000"; for the log
// Queues a copy of `text`; it may leave when net_release()d `ticket` (0: at once).
void connection_send(struct connection *connection, struct slice text, uint64_t ticket);
// Queues a reference to `text` (takes its own).
void connection_send_shared(struct connection *connection, struct text *text, uint64_t ticket);
size_t connection_backlog(const struct connection *connection);
// Stops reading, closes when what is queued has been sent (or after a few seconds). closed() follows from the loop, not from within this call.
void connection_close(struct connection *connection, const char *reason);
