// SPDX-License-Identifier: Apache-2.0
// What peers.c, which knows the servers, and peer_link.c, which knows their connections, share. For
// these two files only.
//
// No connection, and so no link, is freed before the loop calls closed(). A peer is freed at once;
// its links then have none.
#pragma once

#include "basic/list.h"
#include "daemon/cluster/message_backlog.h"
#include "daemon/cluster/peers.h"
#include "daemon/cluster/refusals.h"

struct peer;

enum peer_link_state {
    PEER_LINK_WAITING, // for the hello of the other side
    PEER_LINK_USABLE,
    PEER_LINK_ENDED, // being closed; what it still receives is ignored
    PEER_LINK_N_STATES,
};

// A connection.
struct peer_link {
    struct peers *peers;
    struct peer *peer; // NULL: accepted, before the hello; or the peer has been freed
    struct connection *connection;
    struct uuid id; // of the other server; UUID_ZERO before its hello
    char *subject;  // names the other side in the log
    bool is_incoming;
    bool was_usable;
    enum peer_link_state state;
    struct list in_waiting; // peers->waiting
    usec_t deadline;        // for the hello
    struct message_backlog backlog;
};

// Another server.
struct peer {
    struct uuid id; // UUID_ZERO: not known
    struct uuid cluster_id;
    char *address;
    bool is_member; // of the last peers_set_servers()
    bool is_dialed; // for its address (peers_dial())
    // The incoming link was that of a server that is no member, which is answered there.
    bool answers_incoming;
    struct remote *remote; // NULL: not dialed, or remote_new() has failed
    struct peer_link *outgoing, *incoming;
    usec_t last_received;
    char *failure; // for peers_next(); or why there is no remote
};

struct peers {
    struct net *net;
    sd_event *event;
    char *name, *local_address;
    struct uuid cluster_id, server_id;
    const struct peers_handler *handler;
    void *userdata;
    struct remote *listener;
    struct peer **list; // sorted by id and address
    size_t n, capacity;
    struct servers servers;
    bool accepts_others;
    usec_t hello_timeout;
    uint64_t max_backoff_ms;
    struct list waiting; // links, in order of deadline
    sd_event_source *timer;
    usec_t retry_at; // when to call remote_new() again; USEC_INFINITY: not
    uint64_t max_messages, max_bytes, n_disconnections;
    struct refusals refusals;
    struct wire_memory *memory;
    struct buf text; // of the message being sent
};

// peers.c
struct peer *peers_find(const struct peers *peers, struct uuid id); // NULL if there is none
// Returns the peer with this id, which it makes if there is none.
struct peer *peers_get(struct peers *peers, struct uuid id, const char *address);
// The dialed peer has the id `id`. Returns the peer for it: this one, or the one that has the id
// already, to which the link moves. NULL if that is dialed, too; then `peer` has been freed.
struct peer *peers_identify(struct peers *peers, struct peer *peer, struct uuid id);
// Frees the peer if there is no reason to keep it.
void peers_release(struct peers *peers, struct peer *peer);
void peers_arm_timer(struct peers *peers);

// peer_link.c
// False for NULL.
bool peer_link_is_usable(const struct peer_link *link);
// Closes the connection without a word to the other side. NULL, and an ended link, allowed.
void peer_link_end(struct peer_link *link, const char *reason);
// Sends "refused", logs it, and closes the connection.
void peer_link_refuse(struct peer_link *link, const char *reason);
void peer_link_send(struct peer_link *link, const struct wire_message *message);
