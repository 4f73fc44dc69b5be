// SPDX-License-Identifier: Apache-2.0
// The connections between one member of a cluster and the others. Each member dials every other
// one, and sends over the connection that it has dialed; what it receives comes over those that it
// has accepted. A connection begins with the hello of the dialing side, which the other side
// answers with its own, or refuses:
//
//     dialing side                               accepting side
//         hello ------------------------------------>  checks version, database, cluster, id
//               <------------------------------------  hello, or refused
//         messages --------------------------------->
//
// Messages between two members arrive in the order in which they were sent, or get lost. A server
// that is no member is not dialed: it is answered over the connection that it has dialed, until a
// connection to it is usable. A server never receives over both: of two connections with one
// server, it takes messages from the one that it has accepted last.
//
// Either side closes a connection with "refused" and the reason, which both log once until the
// connection succeeds or the reason changes. An accepted connection whose first message is no
// hello, or that has sent none in time, is closed. Until the hello, messages are short.
// With "ssl:" addresses both sides need a certificate that the CA of the server has signed.
#pragma once

#include "cluster/wire.h"
#include "net/net.h"

struct peers;

struct peers_settings {
    const char *name;          // of the database
    struct uuid cluster_id;    // UUID_ZERO: not known yet
    struct uuid server_id;     // of this server
    const char *local_address; // "tcp:IP:PORT" or "ssl:IP:PORT", at which it listens
    usec_t hello_timeout;      // for the hello of the other side; 0: the default, 5 s
    uint64_t max_backoff_ms;   // between attempts to connect; 0: the default, 1000
};

struct peers_handler {
    // A message of the server `from`, not HELLO or REFUSED. Valid during the call only. May call
    // every function of the peers but peers_free().
    void (*message)(void *userdata, struct uuid from, const struct wire_message *message);
    // The outgoing connection to `peer`, whose hello it has answered, has become usable or has
    // ended. Twice true in a row: a new one has replaced it. Messages sent before may be lost.
    void (*connected)(void *userdata, struct uuid peer, bool is_connected);
    // A peer that was dialed by address has answered with its id and the id of the cluster.
    void (*introduced)(void *userdata, const struct wire_hello *hello);
    // Of messages to `peer`, NET_BACKLOG_LOW bytes or fewer are not sent, after it were more: for
    // senders that hold parts of a snapshot back. May be NULL.
    void (*drained)(void *userdata, struct uuid peer);
    // Both connections with `peer` have ended. May be NULL.
    void (*lost)(void *userdata, struct uuid peer);
};

// Makes the peers of one database. `net`, which stays the caller's, must not have other remotes;
// sets its limits. TLS options are those of `net` (net_share_tls()). Copies the settings.
struct peers *peers_new(struct net *net, const struct peers_settings *settings,
                        const struct peers_handler *handler, void *userdata);
// The handler is not called any more. To be called before net_free(). NULL allowed.
void peers_free(struct peers *peers);
// The handler functions that `net` must have been made with. Its userdata is set by peers_new().
extern const struct net_handler peers_net_handler;

// Starts to listen at the local address, whose host must be an IP address. May be called again
// after a failure.
struct failure *peers_listen(struct peers *peers);
// Refuses the servers of other clusters that are connected.
void peers_set_cluster_id(struct peers *peers, struct uuid cluster_id);
// From now on dials these members, this server excepted. Connections to members that stay are
// kept, those of servers that are members no longer are closed. While there are members, accepts
// no connection of a server that is none of them, unless peers_set_accepts_others() has allowed it.
void peers_set_servers(struct peers *peers, const struct servers *servers);
// For a member that can be asked to join. Initially false. Connections stay as they are.
void peers_set_accepts_others(struct peers *peers, bool accepts_others);
// Dials further addresses of servers whose ids are not known, for a server that is to join, in
// place of those of an earlier call. Ends when this server is among the members.
void peers_dial(struct peers *peers, const char *const *addresses, size_t n);
// Sends a message to the server. False: there is no connection, or its backlog exceeds the limits,
// and the message is dropped. A server that is no member can be answered over the connection that
// it has dialed; then the message goes there. O(size).
bool peers_send(struct peers *peers, struct uuid to, const struct wire_message *message);
bool peers_is_connected(const struct peers *peers, struct uuid to); // peers_send() can succeed
size_t peers_backlog(const struct peers *peers, struct uuid to);    // bytes not yet sent
// While more than either limit is not sent, messages to a server are dropped. The number of
// messages counts only if some of them were queued in an earlier turn of the event loop: a burst is
// no backlog. Initially 500 messages, 4 GB.
void peers_set_backlog_limits(struct peers *peers, uint64_t n_messages, uint64_t n_bytes);

struct peer_state {
    struct uuid id; // UUID_ZERO: not known yet
    const char *address;
    bool is_outgoing_connected, is_incoming_connected;
    usec_t last_received; // monotonic; 0: never
    const char *failure;  // why the last attempt failed or the peer refused; NULL: none
};
// Iterates in order of id: start with *state = 0, until false. The strings are valid until the next
// call of any function or the next turn of the loop.
bool peers_next(const struct peers *peers, size_t *state, struct peer_state *ret);
// How many connections have ended that had passed the hello.
uint64_t peers_n_disconnections(const struct peers *peers);
