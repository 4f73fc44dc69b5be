// SPDX-License-Identifier: Apache-2.0
// Connections that carry JSON-RPC messages, and the remotes through which they are made.
//
// A remote is a listener (punix, ptcp, pssl, or a socket passed by the service manager) or a
// connector (unix, tcp, ssl), which dials and dials again with back-off. Everything of one `struct
// net` runs on one sd-event loop and one thread.
//
//     socket --> framer --> message()                            input: a bounded number of
//                                                                messages in a turn of the loop
//     connection_send(position) --> queue --> positions_advance() --> socket
//                                                                output: only what is durable
//                                                                in the commit log that it
//                                                                shows (I-6)
//
// The loop calls the callbacks. No function of this header calls one, except net_free(), which
// calls closed(). A callback may call any function of this header, remote_free() and net_free()
// included.
//
// Flow control: while more than NET_BACKLOG_HIGH bytes are queued for a peer, no requests are read
// from it. Reading continues when NET_BACKLOG_LOW bytes or fewer are left.
#pragma once

#include "basic/buf.h"
#include "basic/clock.h"
#include "basic/failure.h"
#include "basic/positions.h"
#include "basic/text.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

#define NET_BACKLOG_HIGH (4u * 1024 * 1024)
#define NET_BACKLOG_LOW  (64u * 1024)

struct net;
struct remote;
struct connection;
struct tls_options; // net/tls/options.h

// Limits on clients. A connection beyond one of the first three limits is closed at once. A
// connection beyond the accept rate stays in the kernel's queue until it is due.
struct net_limits {
    size_t max_connections;
    size_t max_per_remote;
    size_t max_per_user;    // user: the uid of a Unix socket's peer, otherwise the IP address
    size_t max_accept_rate; // accepted connections per second, over all listeners; after a pause,
                            // a burst of as many
    size_t max_message;     // bytes; a longer request is answered with an error, then the
                            // connection is closed
    size_t max_handshakes;  // TLS handshakes in progress; one more ends the oldest
};
#define NET_LIMITS_DEFAULT                                                                         \
    ((struct net_limits){.max_connections = 50000,                                                 \
                         .max_per_remote = 50000,                                                  \
                         .max_per_user = 50000,                                                    \
                         .max_accept_rate = 5000,                                                  \
                         .max_message = (size_t)128 << 20,                                         \
                         .max_handshakes = 4096})

// The largest possible `max_message`. It is meant for programs that trust their server, whose reply
// may be a whole database.
#define NET_LONGEST_MESSAGE ((size_t)3 << 30)

struct net_handler {
    // A connection is established: its TLS handshake, if any, is complete and the peer is verified.
    // The handler may call connection_set_userdata().
    void (*opened)(struct connection *connection);
    // A complete JSON value was received. The framer (json/framer.h) has validated it (I-1). `text`
    // may begin with white space and is valid during the call. Echo requests of the peer are
    // delivered too; replies to our own probes are not.
    void (*message)(struct connection *connection, struct slice text);
    // The backlog has fallen to NET_BACKLOG_LOW or less after having been larger. May be NULL.
    void (*drained)(struct connection *connection);
    // The connection has ended. This is the last call for it, made once for each opened(). `reason`
    // has been logged already. connection_remote() is still valid, even after remote_free().
    void (*closed)(struct connection *connection, const char *reason);
    // A connector with `no_retry` could not connect and will not try again. Not called after
    // opened(): then closed() reports the end. May be NULL.
    void (*gave_up)(struct remote *remote, const char *error);
};

// Copies `handler`. The net takes a reference to `event`.
struct net *net_new(sd_event *event, const struct net_handler *handler, void *userdata);
// Frees the net, its remotes and its connections. Calls closed() for every connection before it
// returns or, if it is called from a callback, after that callback has returned. Queued output is
// lost unless net_flush() was called.
void net_free(struct net *net);
sd_event *net_event(const struct net *net); // borrowed
void *net_userdata(const struct net *net);
void net_set_userdata(struct net *net, void *userdata);
// Sends output that waits for no commit log until none is left or `timeout` has passed. For use
// before exit: blocks, and calls no handler.
void net_flush(struct net *net, usec_t timeout);

// Sets the TLS options for new connections of this net and of the nets that share them. Copies
// `options`. Options of which none is set turn TLS off. Setting equal options has no effect. On a
// failure nothing changes. Blocks while it reads the files.
struct failure *net_set_tls(struct net *net, const struct tls_options *options);
// Loads keys and certificates again. This also happens automatically when a file has changed. Logs
// the result. On an error the loaded ones stay in use.
void net_reload_tls(struct net *net);
// Makes `net` use the TLS options of `other`, including later changes of them.
void net_share_tls(struct net *net, struct net *other);

struct remote_options {
    uint64_t probe_interval_ms; // UINT64_MAX: the default (5000 for tcp and ssl, 0 = off for unix)
    uint64_t max_backoff_ms;    // 0: the default 8000
    int dscp;                   // -1: the default (48 for tcp)
    bool no_retry;              // connector: give up after the first failure (for tools)
    bool is_quiet; // logs connections and their ends at debug level; the owner logs what matters
};
#define REMOTE_OPTIONS_DEFAULT                                                                     \
    ((struct remote_options){.probe_interval_ms = UINT64_MAX, .dscp = -1})
static inline bool remote_options_equal(const struct remote_options *a,
                                        const struct remote_options *b)
{
    return a->probe_interval_ms == b->probe_interval_ms && a->max_backoff_ms == b->max_backoff_ms &&
           a->dscp == b->dscp && a->no_retry == b->no_retry && a->is_quiet == b->is_quiet;
}

// Makes a remote. When this returns, a listener accepts connections; a connector dials from the
// loop. A failure whose errno is EINVAL is permanent: the target or an address in it is invalid.
//
// `target` is "punix:FILE", "ptcp:[PORT][:IP]", "pssl:[PORT][:IP]", "unix:FILE", "tcp:HOST[:PORT]"
// or "ssl:HOST[:PORT]". IPv6 addresses stand in brackets. The default port is 6640. A relative FILE
// is one in the run directory.
//
// Unix: a stale socket file is replaced. A socket file of a running server (EADDRINUSE) and a file
// of another kind (EEXIST) are not. The file gets the mode 0770 minus the umask.
// TCP: "ptcp:PORT" listens on IPv4 only. "ptcp:PORT:[::]" listens on IPv6 and IPv4, or on IPv6 only
// while another remote of this net listens on the same port of all IPv4 addresses.
// TLS: call net_set_tls() first. ENOPROTOOPT means that a TLS option is missing, ENOKEY that a TLS
// file could not be loaded. An "ssl:" remote without `no_retry` accepts the latter and tries to
// load the files whenever it dials.
struct failure *remote_new(struct net *net, const char *target,
                           const struct remote_options *options, void *userdata,
                           struct remote **ret);
// Makes a remote from a listening or a connected stream socket. A connected one is opened() from
// the loop. The remote's target is derived from the socket's own address. On success the net owns
// `fd`; on a failure the caller still does. Never removes the socket's file.
struct failure *remote_new_from_fd(struct net *net, int fd, const struct remote_options *options,
                                   void *userdata, struct remote **ret);
// Makes an adopted TCP listener use TLS for new connections, and changes its target to pssl:. Needs
// net_set_tls() first, unless `may_follow`: then connections are refused until it is called. On a
// failure nothing changes.
struct failure *remote_use_tls(struct remote *remote, bool may_follow);
// Stops listening or dialing at once, removes the socket file if it is still the one that
// remote_new() made, and closes the connections as connection_close() does. The caller must not use
// `remote` afterwards, except that remote_userdata() still works in the closed() calls that follow.
void remote_free(struct remote *remote);
const char *remote_target(const struct remote *remote);
void *remote_userdata(const struct remote *remote);
void remote_set_options(struct remote *remote,
                        const struct remote_options *options); // O(connections of the remote)
// Closes the remote's connections. A connector dials again at once.
void remote_reconnect(struct remote *remote, const char *reason);
uint16_t remote_bound_port(const struct remote *remote); // 0: none
// True for a listener on all IPv6 addresses that accepts IPv4 as well.
bool remote_is_dual(const struct remote *remote);
// Fails if `target` is not well-formed. Checks the syntax only.
struct failure *remote_target_check(const char *target);
bool remote_target_is_valid(const char *target);
// True if `target` is well-formed and names a server to connect to.
bool remote_target_dials(const char *target);

struct remote_status {
    bool is_listener;
    bool is_connected;
    const char *state;     // static: "LISTENING" (listener without a connection); "BACKOFF",
                           // "CONNECTING" or "VOID" (connector; VOID: gave up); "ACTIVE", or "IDLE"
                           // while a probe is unanswered (state of remote_connection())
    char last_error[512];  // "" if none
    usec_t last_connected; // monotonic; 0: never
    usec_t last_disconnected;
    unsigned n_connections;
};
void remote_status(const struct remote *remote, struct remote_status *ret);
struct connection *remote_connection(const struct remote *remote); // the oldest, or NULL

// Calls remote_reconnect() for every remote.
void net_reconnect(struct net *net);
size_t net_n_connections(const struct net *net);
// A counter that is raised whenever remote_status() of a remote changes, except for changes between
// "ACTIVE" and "IDLE".
uint64_t net_n_changes(const struct net *net);
// Sets the limits for new connections. Each must be at least 1 (asserted).
void net_set_limits(struct net *net, const struct net_limits *limits);
// Stores the current use of each limit. Limits per remote and per user: that of the remote, and the
// user, with the most connections. Limits without a current use: 0. O(remotes + users).
void net_taken(const struct net *net, struct net_limits *ret);
struct net_usage {
    size_t n_unix, n_tcp, n_tls; // connections
};
void net_usage(const struct net *net, struct net_usage *ret); // O(remotes)
size_t net_backlog(const struct net *net);                    // bytes queued on all connections

void connection_set_userdata(struct connection *connection, void *userdata);
void *connection_userdata(const struct connection *connection);
struct remote *connection_remote(const struct connection *connection);
struct net *connection_net(const struct connection *connection);
// The name of the connection in the log: "unix#3", "tcp:127.0.0.1:40000".
const char *connection_name(const struct connection *connection);
// The common name in the verified certificate of the peer. NULL if it has none, is not verified, or
// does not use TLS. Valid until closed() has returned.
const char *connection_peer_cn(const struct connection *connection);
// Stores the process at the other end of a Unix socket, as recorded by the kernel when it
// connected. Returns false if the socket is not a Unix socket. Not before opened().
bool connection_peer_process(const struct connection *connection, uid_t *ret_uid, pid_t *ret_pid);
// Stores the groups of that process, its primary one included, in *ret (caller frees), and returns
// how many there are. Returns 0 if they are not known.
size_t connection_peer_groups(const struct connection *connection, gid_t **ret);
bool connection_is_tls(const struct connection *connection);
// True if the connection uses TLS and the peer's certificate was verified against our CA.
bool connection_is_verified(const struct connection *connection);
// The subject alternative names in the verified certificate of the peer, as "DNS:a.org",
// "email:me@a.org", "URI:urn:x" or "IP:10.0.0.1". NULL ends the list, which may be empty. Valid
// until closed() has returned.
const char *const *connection_peer_sans(const struct connection *connection);
// Changes the limit on messages of this connection (initially max_message of the net), from the
// next message on. For use when the peer has shown who it is. At most NET_LONGEST_MESSAGE
// (asserted).
void connection_set_max_message(struct connection *connection, size_t max_message);
// Queues a copy of `text`. It is sent at the end of the loop's turn if `position` is durable,
// otherwise when it has become durable; in any case after everything queued before. If the position
// is lost, the connection ends, and nothing from `text` on is sent. Has no effect if the connection
// has ended. Amortized O(size).
void connection_send(struct connection *connection, struct slice text, struct position position);
// The same with a reference to `text` instead of a copy. Takes a reference of its own.
void connection_send_shared(struct connection *connection, struct text *text,
                            struct position position);
// Bytes queued that the kernel has not yet accepted.
size_t connection_backlog(const struct connection *connection);
// Bytes received that are not yet handled, such as the beginning of an incomplete message.
size_t connection_unread(const struct connection *connection);

struct connection_usage {
    uint64_t n_received, n_sent; // bytes of messages, without the overhead of TLS
    usec_t busy; // time spent in handling its input (message() included) and writing its output
};
void connection_usage(const struct connection *connection, struct connection_usage *ret);
// Moves the memory of the message with which message() has been called to *ret, an empty buffer.
// The text that message() has got is invalid then. Call it at most once, within message(). O(1) for
// a message that is much larger than what is received at once.
void connection_take_message(struct connection *connection, struct buf *ret);
// Stops (`on`) or continues delivering messages. Used while a request of the peer takes long.
void connection_hold(struct connection *connection, bool on);
// Stops reading, and closes the connection when the queued output has been sent, output queued in
// the meantime included, or after five seconds. Copies and logs `reason`. The loop calls closed()
// later.
void connection_close(struct connection *connection, const char *reason);
