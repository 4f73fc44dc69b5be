// SPDX-License-Identifier: Apache-2.0
// Connections that carry JSON-RPC messages, and the remotes they come from: listeners (punix, ptcp,
// pssl, descriptors passed by the service manager) and connectors (unix, tcp, ssl) that dial with
// back-off.
// All on one sd-event loop, one thread.
//
//     remote --> connection --message()--> handler            (bytes in: framer, bounded number per
//     turn) handler --connection_send(ticket)--> queue --> socket   (bytes out: only what the group commit
//     has released)
//
// Callbacks come from the loop, never from within a call of this header, except closed() from
// net_free(). They may call anything here, remote_free() and net_free() included.
//
// A peer that sends requests and does not read the replies is not read from while more than
// NET_BACKLOG_HIGH bytes wait for it, until no more than NET_BACKLOG_LOW do.
#pragma once

#include "basic/clock.h"
#include "basic/text.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

#define NET_BACKLOG_HIGH (4u * 1024 * 1024)
#define NET_BACKLOG_LOW  (64u * 1024)

struct net;
struct remote;
struct connection;
struct tls_options; // net/tls/options.h

// What clients may take. Connections beyond the first three are closed at once, those that come
// faster wait in the kernel's queue.
struct net_limits {
    size_t max_connections;
    size_t max_per_remote;
    size_t max_per_user;    // a uid behind a Unix socket, else an address
    size_t max_accept_rate; // connections a second, in all; as many at once after a pause
    size_t max_message;     // bytes; a longer request is answered with an error,
                            // and the connection closed
    size_t max_handshakes;  // of TLS, under way at a time; beyond that the oldest ends
};
#define NET_LIMITS_DEFAULT                                                                         \
    ((struct net_limits){.max_connections = 50000,                                                 \
                         .max_per_remote = 50000,                                                  \
                         .max_per_user = 50000,                                                    \
                         .max_accept_rate = 5000,                                                  \
                         .max_message = (size_t)128 << 20,                                         \
                         .max_handshakes = 4096})

// The longest message that can be held: for who talks to a server it trusts, whose reply may be a
// whole database.
#define NET_LONGEST_MESSAGE ((size_t)3 << 30)

struct net_handler {
    // A connection is up, its TLS handshake done and the peer verified. The handler may
    // connection_set_userdata().
    void (*opened)(struct connection *connection);
    // One value that passed the framer (json/framer.h), white space before it included, valid
    // during the call. Echo requests of the peer come here too; replies to our own probes do not.
    void (*message)(struct connection *connection, struct slice text);
    // The backlog has fallen to NET_BACKLOG_LOW or less after having been over it. May be NULL.
    void (*drained)(struct connection *connection);
    // It is over; the last call, made once for each opened(). `reason` is for the log, already
    // written there. The remote is still there, even after remote_free().
    void (*closed)(struct connection *connection, const char *reason);
    // A connector with `no_retry` could not connect. (Once it has, closed() tells the end.) May be
    // NULL.
    void (*gave_up)(struct remote *remote, const char *error);
};

// `handler` is copied. The net keeps a reference to `event`.
struct net *net_new(sd_event *event, const struct net_handler *handler, void *userdata);
// Closes everything and frees every remote: closed() for every connection comes before it returns
// or, when called from a callback, after that callback has returned. Sends nothing: see
// net_flush().
void net_free(struct net *net);
void *net_userdata(const struct net *net);
// Output with tickets up to `ticket` may leave. O(what waited for it).
void net_release(struct net *net, uint64_t ticket);
// What waits for a ticket will never be released: its connections end, and none of it leaves.
// O(that).
void net_drop_waiting(struct net *net, const char *reason);
// Sends what is queued and released, for at most `timeout`: before exit. Blocks; calls no handler.
void net_flush(struct net *net, usec_t timeout);

// Sets or replaces what TLS connections from now on use, in this net and those that share it.
// `options` is copied. Without any of them TLS is off. With the same as before nothing happens. 0,
// or negative errno with the reason in *ret_error (caller frees): then all stays as it was. Blocks
// for reading the files.
int net_set_tls(struct net *net, const struct tls_options *options, char **ret_error);
// Loads keys and certificates again, as also happens by itself when a file has changed. The log
// says how it went; what cannot be loaded leaves what is in use in use.
void net_reload_tls(struct net *net);
// What `net` uses for TLS is from now on what `other` uses, now and whenever that changes.
void net_share_tls(struct net *net, struct net *other);

struct remote_options {
    uint64_t probe_interval_ms; // UINT64_MAX: the default (5000 for tcp and ssl, 0 = off for unix)
    uint64_t max_backoff_ms;    // 0: the default 8000
    int dscp;                   // -1: the default (48 for tcp)
    bool no_retry;              // a connector that gives up after the first failure (tools)
};
#define REMOTE_OPTIONS_DEFAULT                                                                     \
    ((struct remote_options){.probe_interval_ms = UINT64_MAX, .dscp = -1})
static inline bool remote_options_equal(const struct remote_options *a,
                                        const struct remote_options *b)
{
    return a->probe_interval_ms == b->probe_interval_ms && a->max_backoff_ms == b->max_backoff_ms &&
           a->dscp == b->dscp && a->no_retry == b->no_retry;
}

// `target`: "punix:FILE", "ptcp:[PORT][:IP]", "unix:FILE", "tcp:HOST[:PORT]", and pssl and ssl like
// ptcp and tcp, which need net_set_tls() before (-ENOPROTOOPT: options are missing; -ENOKEY: their
// files could not be loaded, which ssl waits for unless it has `no_retry`); IPv6 addresses in
// brackets, default port 6640; a relative FILE is one in the run directory. A stale
// socket file is replaced; one of a running server and any other file are not (-EADDRINUSE,
// -EEXIST). Socket files get the mode 0770 less the umask. "ptcp:PORT" listens on IPv4 only,
// "ptcp:PORT:[::]" on both, or on IPv6 only while another remote of this net listens on the port
// for all of IPv4. On error *ret_error (caller frees) says why. A listener answers when this has
// returned; a connector dials from the loop.
int remote_new(struct net *net, const char *target, const struct remote_options *options,
               void *userdata, struct remote **ret, char **ret_error);
// Adopts a listening stream socket, or a connected one (opened() follows from the loop); its own
// address decides what it is; the name of the remote is what remote_new() would be given for it.
// `fd` is the net's after success, the caller's after an error. Its socket file is not removed at
// the end.
int remote_new_from_fd(struct net *net, int fd, const struct remote_options *options,
                       void *userdata, struct remote **ret, char **ret_error);
// Has the connections of an adopted TCP listener speak TLS from now on, which needs net_set_tls()
// before, unless that `may_follow`: until then they are refused. It is called pssl: then. 0, or
// negative errno with the reason in *ret_error (caller frees).
int remote_use_tls(struct remote *remote, bool may_follow, char **ret_error);
// Stops listening or dialling at once, removes the socket file if it is still the one made here,
// and closes the connections as connection_close() does. `remote` is no longer the caller's; its
// userdata is not touched but is what remote_userdata() returns in the closed() calls that follow.
void remote_free(struct remote *remote);
const char *remote_target(const struct remote *remote);
void *remote_userdata(const struct remote *remote);
void remote_set_options(struct remote *remote,
                        const struct remote_options *options); // O(its connections)
// Closes its connections, for `reason`; a connector dials again at once.
void remote_reconnect(struct remote *remote, const char *reason);
uint16_t remote_bound_port(const struct remote *remote); // 0: none
bool remote_is_dual(const struct remote *remote); // listens on all addresses of IPv6 and of IPv4
// NULL if `target` is well-formed, else why not (caller frees).
char *remote_target_fault(const char *target);
bool remote_target_is_valid(const char *target);
// The same, and it is one to connect to.
bool remote_target_dials(const char *target);

struct remote_status {
    bool is_listener;
    bool is_connected;
    const char *state;     // "BACKOFF", "CONNECTING", "VOID" (gave up); "LISTENING", without a
                           // connection; "ACTIVE", "IDLE" (probing): of remote_connection(); static
    char last_error[512];  // "" if none
    usec_t last_connected; // monotonic; 0: never
    usec_t last_disconnected;
    unsigned n_connections;
};
void remote_status(const struct remote *remote, struct remote_status *ret);
struct connection *remote_connection(const struct remote *remote); // the oldest, or NULL

// remote_reconnect() for every remote.
void net_reconnect(struct net *net);
size_t net_n_connections(const struct net *net);
// Rises whenever the remote_status() of a remote changes otherwise than between "ACTIVE" and
// "IDLE".
uint64_t net_n_changes(const struct net *net);
// For connections to come. All are at least 1.
void net_set_limits(struct net *net, const struct net_limits *limits);
// How much of each is taken now, by the remote and the user that take most; 0 where it cannot be
// told. O(remotes + users).
void net_taken(const struct net *net, struct net_limits *ret);
struct net_usage {
    size_t n_unix, n_tcp, n_tls; // connections
};
void net_usage(const struct net *net, struct net_usage *ret); // O(remotes)
size_t net_backlog(const struct net *net);                    // bytes queued over all connections

void connection_set_userdata(struct connection *connection, void *userdata);
void *connection_userdata(const struct connection *connection);
struct remote *connection_remote(const struct connection *connection);
struct net *connection_net(const struct connection *connection);
const char *connection_name(
    const struct connection *connection); // "unix#3", "tcp:127.0.0.1:40000"; for the log
// The common name in the peer's certificate, verified; NULL: it has none, or is not verified, or
// there is no TLS. Valid until closed() has returned.
const char *connection_peer_cn(const struct connection *connection);
// The process at the other end of a Unix socket, as the kernel saw it when it connected. False: it
// is no Unix socket. From opened() only.
bool connection_peer_process(const struct connection *connection, uid_t *ret_uid, pid_t *ret_pid);
// The groups of that process, its main one included; caller frees *ret. 0 if it is not known.
size_t connection_peer_groups(const struct connection *connection, gid_t **ret);
bool connection_is_tls(const struct connection *connection);
// The subject alternative names in the same certificate, as "DNS:a.org", "email:me@a.org",
// "URI:urn:x", "IP:10.0.0.1"; NULL ends the list, which may be empty. Valid as long.
const char *const *connection_peer_sans(const struct connection *connection);
// Queues a copy of `text`; it leaves at the end of the loop's turn or, if `ticket` is not released
// yet, when net_release() has released it, and always after what was queued before. Ignored when
// the connection is over. Amortised O(size).
void connection_send(struct connection *connection, struct slice text, uint64_t ticket);
// The same with a reference to `text` instead of a copy (takes one of its own; the caller keeps
// its).
void connection_send_shared(struct connection *connection, struct text *text, uint64_t ticket);
size_t connection_backlog(
    const struct connection *connection); // bytes queued and not yet taken by the kernel
size_t connection_unread(
    const struct connection *connection); // bytes received of a message that is not complete

struct connection_usage {
    uint64_t n_received, n_sent; // bytes, as the messages have them, before or after TLS
    usec_t busy; // time for handling its input, message() included, and for writing its output
};
void connection_usage(const struct connection *connection, struct connection_usage *ret);
// With `on`, no message() until it is called without: for a peer whose last request takes time.
void connection_hold(struct connection *connection, bool on);
// Stops reading, closes when what is queued, or still gets queued meanwhile, has been sent, at the
// latest after five seconds. `reason` is copied, and logged here. closed() follows from the loop,
// not from within this call.
void connection_close(struct connection *connection, const char *reason);
