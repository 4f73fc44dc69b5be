// SPDX-License-Identifier: Apache-2.0
// The servers and their addresses. peer_link.c has the connections with them.
#include "daemon/cluster/peers.h"

#include "basic/alloc.h"
#include "basic/counter.h"
#include "basic/log.h"
#include "basic/str.h"
#include "daemon/cluster/peers_private.h"
#include "net/address.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

LOG_MODULE(cluster);
COUNTER(
    cluster_messages_dropped,
    "Messages to other servers of clusters dropped, because of no connection or a long backlog");

#define HELLO_TIMEOUT   (5 * USEC_PER_SEC)
#define RETRY_INTERVAL  USEC_PER_SEC
#define MAX_BACKOFF_MS  1000 // a member that is back must not wait
#define MAX_MESSAGES    500
#define MAX_BYTES       ((uint64_t)4 << 30)
#define MAX_FIRST       ((size_t)64 << 10) // bytes of a message before the hello is accepted
#define MAX_CONNECTIONS 256
#define MAX_PER_USER    64  // connections from one IP address
#define MAX_ACCEPT_RATE 100 // per second
#define MAX_HANDSHAKES  64

static struct remote_options options_of_remotes(const struct peers *peers)
{
    struct remote_options options = REMOTE_OPTIONS_DEFAULT;

    options.max_backoff_ms = peers->max_backoff_ms;
    options.is_quiet = true;
    return options;
}

static int compare_peers(const void *a, const void *b)
{
    const struct peer *x = *(struct peer *const *)a, *y = *(struct peer *const *)b;
    int cmp = uuid_compare(x->id, y->id);

    return cmp ? cmp : strcmp(x->address, y->address);
}

static void sort_peers(struct peers *peers)
{
    qsort(peers->list, peers->n, sizeof(struct peer *), compare_peers);
}

struct peer *peers_find(const struct peers *peers, struct uuid id)
{
    for (size_t i = 0; i < peers->n; i++) {
        if (uuid_equals(peers->list[i]->id, id)) {
            return peers->list[i];
        }
    }
    return NULL;
}

static struct peer *peer_new(struct peers *peers, struct uuid id, const char *address)
{
    struct peer *peer = NEW(struct peer);

    peer->id = id;
    peer->address = xstrdup(address);
    GROW(peers->list, peers->n, peers->capacity);
    peers->list[peers->n++] = peer;
    sort_peers(peers);
    return peer;
}

struct peer *peers_get(struct peers *peers, struct uuid id, const char *address)
{
    struct peer *peer = peers_find(peers, id);

    assert(!uuid_is_zero(id));
    return peer ? peer : peer_new(peers, id, address);
}

// Ends the outgoing connection and the attempts to make one.
static void stop_dialing(struct peer *peer, const char *reason)
{
    peer_link_end(peer->outgoing, reason);
    if (peer->outgoing) {
        peer->outgoing->peer = NULL;
        peer->outgoing = NULL;
    }
    remote_free(TAKE_PTR(peer->remote));
}

static void peer_free(struct peers *peers, struct peer *peer, const char *reason)
{
    size_t i = 0;

    stop_dialing(peer, reason);
    peer_link_end(peer->incoming, reason);
    if (peer->incoming) {
        peer->incoming->peer = NULL;
    }
    while (peers->list[i] != peer) {
        i++;
    }
    peers->n--;
    memmove(peers->list + i, peers->list + i + 1, (peers->n - i) * sizeof(*peers->list));
    free(peer->address);
    free(peer->failure);
    free(peer);
}

void peers_release(struct peers *peers, struct peer *peer)
{
    if (peer->is_member || peer->outgoing || peer->incoming) {
        return;
    }
    if (!peer->is_dialed) {
        peer_free(peers, peer, "the server is not needed any more");
    } else if (!uuid_is_zero(peer->id)) {
        peer->id = UUID_ZERO; // another server may answer next
        sort_peers(peers);
    }
}

static void set_failure(struct peer *peer, const char *failure)
{
    free(peer->failure);
    peer->failure = failure && *failure ? xstrdup(failure) : NULL;
}

// Dials the address of the peer. If that is not possible now, a timer tries again.
static void peer_dial(struct peers *peers, struct peer *peer)
{
    struct remote_options options = options_of_remotes(peers);
    _cleanup_failure_ struct failure *failure = NULL;
    usec_t now = 0;

    assert(!peer->remote);
    failure = remote_new(peers->net, peer->address, &options, NULL, &peer->remote);
    if (!failure) {
        set_failure(peer, NULL);
        return;
    }
    if (!str_equals(peer->failure, failure_text(failure))) {
        log_warn("%s: cannot connect to another server: %s", peers->name, failure_text(failure));
        set_failure(peer, failure_text(failure));
    }
    sd_event_now(peers->event, CLOCK_MONOTONIC, &now);
    peers->retry_at = now + RETRY_INTERVAL;
    peers_arm_timer(peers);
}

static bool peer_is_to_dial(const struct peer *peer)
{
    return peer->is_member || peer->is_dialed;
}

static void retry_dials(struct peers *peers, usec_t now)
{
    if (now < peers->retry_at) {
        return;
    }
    peers->retry_at = USEC_INFINITY;
    for (size_t i = 0; i < peers->n; i++) {
        if (peer_is_to_dial(peers->list[i]) && !peers->list[i]->remote) {
            peer_dial(peers, peers->list[i]);
        }
    }
}

static void end_waiting(struct peers *peers, usec_t now)
{
    while (!list_is_empty(&peers->waiting)) {
        struct peer_link *link = LIST_FIRST(&peers->waiting, struct peer_link, in_waiting);

        if (now < link->deadline) {
            break;
        }
        peer_link_refuse(link, link->is_incoming ? "no hello has arrived in time"
                                                 : "the hello was not answered in time");
    }
}

void peers_arm_timer(struct peers *peers)
{
    usec_t next = peers->retry_at;

    if (!list_is_empty(&peers->waiting)) {
        const struct peer_link *first = LIST_FIRST(&peers->waiting, struct peer_link, in_waiting);

        next = MIN(next, first->deadline);
    }
    sd_event_source_set_time(peers->timer, next);
    sd_event_source_set_enabled(peers->timer,
                                next == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct peers *peers = userdata;
    usec_t now = 0;

    sd_event_now(peers->event, CLOCK_MONOTONIC, &now);
    end_waiting(peers, now);
    retry_dials(peers, now);
    peers_arm_timer(peers);
    return 0;
}

struct peer *peers_identify(struct peers *peers, struct peer *peer, struct uuid id)
{
    struct peer *other = peers_find(peers, id);

    assert(uuid_is_zero(peer->id) && !uuid_is_zero(id));
    if (!other) {
        peer->id = id;
        sort_peers(peers);
        return peer;
    }
    if (other->remote) {
        peer_free(peers, peer, "the server is dialed at another address already");
        return NULL;
    }
    other->is_dialed = true;
    other->remote = TAKE_PTR(peer->remote);
    other->outgoing = TAKE_PTR(peer->outgoing);
    other->outgoing->peer = other;
    free(other->address);
    other->address = xstrdup(peer->address);
    peer_free(peers, peer, "");
    sort_peers(peers);
    return other;
}

static void set_limits(struct net *net)
{
    struct net_limits limits = NET_LIMITS_DEFAULT;

    limits.max_message = MAX_FIRST;
    limits.max_connections = limits.max_per_remote = MAX_CONNECTIONS;
    limits.max_per_user = MAX_PER_USER;
    limits.max_accept_rate = MAX_ACCEPT_RATE;
    limits.max_handshakes = MAX_HANDSHAKES;
    net_set_limits(net, &limits);
}

struct peers *peers_new(struct net *net, const struct peers_settings *settings,
                        const struct peers_handler *handler, void *userdata)
{
    struct peers *peers = NEW(struct peers);

    assert(settings->server_id.hi && *settings->name && *settings->local_address);
    peers->net = net;
    peers->event = sd_event_ref(net_event(net));
    peers->name = xstrdup(settings->name);
    peers->local_address = xstrdup(settings->local_address);
    peers->cluster_id = settings->cluster_id;
    peers->server_id = settings->server_id;
    peers->handler = handler;
    peers->userdata = userdata;
    peers->hello_timeout = settings->hello_timeout ? settings->hello_timeout : HELLO_TIMEOUT;
    peers->max_backoff_ms = settings->max_backoff_ms ? settings->max_backoff_ms : MAX_BACKOFF_MS;
    peers->retry_at = USEC_INFINITY;
    peers->max_messages = MAX_MESSAGES;
    peers->max_bytes = MAX_BYTES;
    list_init(&peers->waiting);
    if (sd_event_add_time(peers->event, &peers->timer, CLOCK_MONOTONIC, USEC_INFINITY,
                          USEC_PER_MSEC, on_timer, peers) < 0) {
        log_emer("cannot add a timer to the event loop");
        abort();
    }
    sd_event_source_set_description(peers->timer, "hello of other servers");
    sd_event_source_set_enabled(peers->timer, SD_EVENT_OFF);
    net_set_userdata(net, peers);
    set_limits(net);
    return peers;
}

void peers_free(struct peers *peers)
{
    if (!peers) {
        return;
    }
    while (peers->n) {
        peer_free(peers, peers->list[peers->n - 1], "the server closes the database");
    }
    while (!list_is_empty(&peers->waiting)) {
        peer_link_end(LIST_FIRST(&peers->waiting, struct peer_link, in_waiting),
                      "the server closes the database");
    }
    remote_free(peers->listener);
    net_set_userdata(peers->net, NULL);
    sd_event_source_disable_unref(peers->timer);
    sd_event_unref(peers->event);
    servers_done(&peers->servers);
    refusals_done(&peers->refusals);
    wire_memory_free(peers->memory);
    buf_done(&peers->text);
    free(peers->list);
    free(peers->name);
    free(peers->local_address);
    free(peers);
}

// Returns the target at which to listen for the address. Caller frees.
static struct failure *listen_target(const char *local_address, char **ret)
{
    _cleanup_free_ char *host = NULL;
    struct address address;
    struct failure *failure = address_parse(local_address, &address);

    if (failure) {
        return failure;
    }
    if (address.kind == ADDRESS_UNIX || address.is_passive || address_is_name(&address)) {
        failure = failure_new(FAILURE_INVALID,
                              "%s: the address of a server of a cluster must be tcp:IP:PORT or "
                              "ssl:IP:PORT",
                              local_address);
    } else {
        host = address_host(&address);
        *ret =
            xasprintf("p%s:%u:%s", address.kind == ADDRESS_TLS ? "ssl" : "tcp", address.port, host);
    }
    address_done(&address);
    return failure;
}

struct failure *peers_listen(struct peers *peers)
{
    struct remote_options options = options_of_remotes(peers);
    _cleanup_free_ char *target = NULL;
    struct failure *failure;

    if (peers->listener) {
        return NULL;
    }
    failure = listen_target(peers->local_address, &target);
    return failure ? failure : remote_new(peers->net, target, &options, NULL, &peers->listener);
}

void peers_set_cluster_id(struct peers *peers, struct uuid cluster_id)
{
    peers->cluster_id = cluster_id;
    for (size_t i = 0; i < peers->n; i++) {
        struct peer *peer = peers->list[i];

        if (!uuid_is_zero(cluster_id) && !uuid_is_zero(peer->cluster_id) &&
            !uuid_equals(peer->cluster_id, cluster_id)) {
            peer_link_end(peer->outgoing, "the server belongs to another cluster");
            peer_link_end(peer->incoming, "the server belongs to another cluster");
        }
    }
}

// Keeps what is needed of a peer that is no member, or no longer dialed for its address.
static void peer_demote(struct peers *peers, struct peer *peer)
{
    if (!peer_is_to_dial(peer)) {
        peer->answers_incoming = true;
        stop_dialing(peer, "the server is not a member any more");
        if (!peers->accepts_others) {
            peer_link_end(peer->incoming, "the server is not a member any more");
        }
        peers_release(peers, peer);
    }
}

static void demote_all(struct peers *peers)
{
    for (size_t i = peers->n; i-- > 0;) {
        peer_demote(peers, peers->list[i]);
    }
}

static void add_member(struct peers *peers, const struct cluster_server *server)
{
    struct peer *peer = peers_get(peers, server->id, server->address);

    peer->is_member = true;
    if (strcmp(peer->address, server->address) != 0) {
        stop_dialing(peer, "the server has another address");
        free(peer->address);
        peer->address = xstrdup(server->address);
        sort_peers(peers);
    }
    if (!peer->remote) {
        peer_dial(peers, peer);
    }
}

void peers_set_servers(struct peers *peers, const struct servers *servers)
{
    bool is_member = servers_find(servers, peers->server_id);

    servers_done(&peers->servers);
    for (size_t i = 0; i < servers->n; i++) {
        servers_add(&peers->servers, servers->list[i].id, servers->list[i].address);
    }
    for (size_t i = 0; i < peers->n; i++) {
        peers->list[i]->is_member = false;
        peers->list[i]->is_dialed = peers->list[i]->is_dialed && !is_member;
    }
    for (size_t i = 0; i < servers->n; i++) {
        if (!uuid_equals(servers->list[i].id, peers->server_id)) {
            add_member(peers, &servers->list[i]);
        }
    }
    demote_all(peers);
}

void peers_set_accepts_others(struct peers *peers, bool accepts_others)
{
    peers->accepts_others = accepts_others;
}

static struct peer *find_address(const struct peers *peers, const char *address)
{
    for (size_t i = 0; i < peers->n; i++) {
        if (peer_is_to_dial(peers->list[i]) && !strcmp(peers->list[i]->address, address)) {
            return peers->list[i];
        }
    }
    return NULL;
}

static bool is_among(const char *address, const char *const *addresses, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(address, addresses[i])) {
            return true;
        }
    }
    return false;
}

void peers_dial(struct peers *peers, const char *const *addresses, size_t n)
{
    for (size_t i = 0; i < peers->n; i++) {
        struct peer *peer = peers->list[i];

        peer->is_dialed = peer->is_dialed && is_among(peer->address, addresses, n);
    }
    demote_all(peers);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(addresses[i], peers->local_address) != 0 && !find_address(peers, addresses[i])) {
            struct peer *peer = peer_new(peers, UUID_ZERO, addresses[i]);

            peer->is_dialed = true;
            peer_dial(peers, peer);
        }
    }
}

// The connection over which messages to the server go, or NULL.
static struct peer_link *find_link(const struct peers *peers, struct uuid to)
{
    const struct peer *peer = uuid_is_zero(to) ? NULL : peers_find(peers, to);

    if (!peer) {
        return NULL;
    }
    if (peer_link_is_usable(peer->outgoing)) {
        return peer->outgoing;
    }
    return peer->answers_incoming && peer_link_is_usable(peer->incoming) ? peer->incoming : NULL;
}

static bool link_is_full(const struct peers *peers, struct peer_link *link)
{
    size_t unsent = connection_backlog(link->connection);
    uint64_t turn, now = 0;

    if (unsent > peers->max_bytes) {
        return true;
    }
    sd_event_get_iteration(peers->event, &now);
    return message_backlog_count(&link->backlog, unsent, &turn) > peers->max_messages &&
           turn != now;
}

bool peers_send(struct peers *peers, struct uuid to, const struct wire_message *message)
{
    struct peer_link *link = find_link(peers, to);

    assert(message->kind != WIRE_HELLO && message->kind != WIRE_REFUSED);
    if (!link || link_is_full(peers, link)) {
        COUNT(cluster_messages_dropped);
        return false;
    }
    peer_link_send(link, message);
    return true;
}

bool peers_is_connected(const struct peers *peers, struct uuid to)
{
    return find_link(peers, to) != NULL;
}

size_t peers_backlog(const struct peers *peers, struct uuid to)
{
    const struct peer_link *link = find_link(peers, to);

    return link ? connection_backlog(link->connection) : 0;
}

void peers_set_backlog_limits(struct peers *peers, uint64_t n_messages, uint64_t n_bytes)
{
    peers->max_messages = n_messages;
    peers->max_bytes = n_bytes;
}

bool peers_next(const struct peers *peers, size_t *state, struct peer_state *ret)
{
    struct peer *peer;

    if (*state >= peers->n) {
        return false;
    }
    peer = peers->list[(*state)++];
    if (peer->remote) {
        struct remote_status status;

        remote_status(peer->remote, &status);
        set_failure(peer, peer_link_is_usable(peer->outgoing) ? NULL : status.last_error);
    }
    *ret = (struct peer_state){
        .id = peer->id,
        .address = peer->address,
        .is_outgoing_connected = peer_link_is_usable(peer->outgoing),
        .is_incoming_connected = peer_link_is_usable(peer->incoming),
        .last_received = peer->last_received,
        .failure = peer->failure,
    };
    return true;
}

uint64_t peers_n_disconnections(const struct peers *peers)
{
    return peers->n_disconnections;
}
