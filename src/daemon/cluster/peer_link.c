// SPDX-License-Identifier: Apache-2.0
// The connections of the peers. A link:
//
//     WAITING --hello is accepted--> USABLE --closed, refused or replaced--> ENDED
//        |                                                                     ^
//        +------------------ refused, no hello in time, closed ---------------+
#include "basic/alloc.h"
#include "basic/counter.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "daemon/cluster/peers_private.h"
#include "net/probe.h"

#include <assert.h>

LOG_MODULE(cluster);
COUNTER(cluster_messages_sent, "Messages sent to other servers of clusters");
COUNTER(cluster_bytes_sent, "Bytes of messages sent to other servers of clusters");
COUNTER(cluster_messages_received, "Messages received from other servers of clusters");
COUNTER(cluster_bytes_received, "Bytes of messages received from other servers of clusters");
COUNTER(cluster_peers_refused, "Connections between servers of clusters that either side refused");

static const char *const state_names[] = {
    [PEER_LINK_WAITING] = "waiting", [PEER_LINK_USABLE] = "usable", [PEER_LINK_ENDED] = "ended"};

#define TO(state) (1u << PEER_LINK_##state)

static const unsigned allowed_moves[] = {
    [PEER_LINK_WAITING] = TO(USABLE) | TO(ENDED),
    [PEER_LINK_USABLE] = TO(ENDED),
    [PEER_LINK_ENDED] = 0,
};

static_assert(ARRAY_SIZE(state_names) == PEER_LINK_N_STATES, "every state has a name");
static_assert(ARRAY_SIZE(allowed_moves) == PEER_LINK_N_STATES, "every state has its moves");

static void link_set_state(struct peer_link *link, enum peer_link_state state)
{
    assert(allowed_moves[link->state] & 1u << state);
    log_dbg("%s: %s: %s -> %s", link->peers->name, connection_name(link->connection),
            state_names[link->state], state_names[state]);
    link->state = state;
    list_remove(&link->in_waiting);
}

void peer_link_end(struct peer_link *link, const char *reason)
{
    if (link && link->state != PEER_LINK_ENDED) {
        link_set_state(link, PEER_LINK_ENDED);
        connection_close(link->connection, reason);
    }
}

void peer_link_send(struct peer_link *link, const struct wire_message *message)
{
    struct peers *peers = link->peers;
    uint64_t turn = 0;

    buf_clear(&peers->text);
    wire_put(&peers->text, message);
    connection_send(link->connection, buf_slice(&peers->text), POSITION_NONE);
    sd_event_get_iteration(peers->event, &turn);
    message_backlog_add(&link->backlog, peers->text.size, turn);
    COUNT(cluster_messages_sent);
    COUNT_N(cluster_bytes_sent, peers->text.size);
    if (peers->text.capacity > NET_BACKLOG_HIGH) {
        buf_done(&peers->text);
    }
}

// Logs a refusal, at debug level if it is not new.
static void log_refusal(struct peer_link *link, const char *text, const char *reason)
{
    static struct log_limit limit = LOG_LIMIT_INIT(60, 20);
    const struct remote *remote = connection_remote(link->connection);
    struct peers *peers = link->peers;

    COUNT(cluster_peers_refused);
    if (refusals_add(&peers->refusals, link->subject, reason)) {
        log_event_limited(
            &limit, LOG_LEVEL_WARN, MSG_PEER_REFUSED,
            LOG_FIELDS({"OVSDB_DATABASE", peers->name}, {"OVSDB_REMOTE", remote_target(remote)}),
            "%s: %s", peers->name, text);
    } else {
        log_dbg("%s: %s", peers->name, text);
    }
}

void peer_link_refuse(struct peer_link *link, const char *reason)
{
    struct wire_message message = {.kind = WIRE_REFUSED, .reason = reason};
    _cleanup_free_ char *text = NULL;

    if (link->state == PEER_LINK_ENDED) {
        return;
    }
    text = xasprintf("refusing the connection with %s: %s", link->subject, reason);
    log_refusal(link, text, reason);
    peer_link_send(link, &message);
    peer_link_end(link, reason);
}

// The other side has refused this one.
static void link_refused(struct peer_link *link, const char *reason)
{
    _cleanup_free_ char *text = xasprintf("%s refuses this server: %s", link->subject, reason);

    log_refusal(link, text, reason);
    peer_link_end(link, text);
}

static void send_hello(struct peer_link *link)
{
    const struct peers *peers = link->peers;
    struct wire_message message = {.kind = WIRE_HELLO};

    message.hello = (struct wire_hello){
        .version = WIRE_VERSION,
        .name = peers->name,
        .cluster_id = peers->cluster_id,
        .server_id = peers->server_id,
        .address = peers->local_address,
    };
    peer_link_send(link, &message);
}

// Returns why the other server does not belong to this cluster. NULL: it may. Both sides show the
// text. Caller frees.
static char *hello_fault(const struct peers *peers, const struct wire_hello *hello)
{
    char id[UUID_TEXT_SIZE], theirs[UUID_TEXT_SIZE], ours[UUID_TEXT_SIZE];

    uuid_text(hello->server_id, id);
    if (strcmp(hello->name, peers->name) != 0) {
        return xasprintf("server %s serves the database \"%s\", not \"%s\"", id, hello->name,
                         peers->name);
    }
    if (!uuid_is_zero(hello->cluster_id) && !uuid_is_zero(peers->cluster_id) &&
        !uuid_equals(hello->cluster_id, peers->cluster_id)) {
        return xasprintf("server %s belongs to the cluster %s, not to %s", id,
                         uuid_text(hello->cluster_id, theirs), uuid_text(peers->cluster_id, ours));
    }
    if (uuid_equals(hello->server_id, peers->server_id)) {
        return xasprintf(
            "both servers have the ID %s: the file of a server must not be copied to "
            "another one",
            id);
    }
    return NULL;
}

static char *membership_fault(const struct peers *peers, const struct wire_hello *hello)
{
    char id[UUID_TEXT_SIZE];

    if (!peers->servers.n || peers->accepts_others ||
        servers_find(&peers->servers, hello->server_id)) {
        return NULL;
    }
    return xasprintf("server %s is not a member of the cluster", uuid_text(hello->server_id, id));
}

// The link becomes usable. Calls no handler.
static void link_establish(struct peer_link *link, const struct wire_hello *hello)
{
    struct peers *peers = link->peers;

    link->id = hello->server_id;
    link->peer->cluster_id = hello->cluster_id;
    link->was_usable = true;
    link_set_state(link, PEER_LINK_USABLE);
    connection_set_max_message(link->connection, NET_LONGEST_MESSAGE);
    refusals_forget(&peers->refusals, link->subject);
}

// Dials the server at once if it is waiting for its next attempt: it has just shown that it runs.
static void redial(const struct peer *peer)
{
    if (peer->remote && !peer->outgoing && !remote_connection(peer->remote)) {
        remote_reconnect(peer->remote, "the server runs again");
    }
}

static void accept_hello(struct peer_link *link, const struct wire_hello *hello)
{
    struct peers *peers = link->peers;
    char id[UUID_TEXT_SIZE];
    _cleanup_free_ char *fault = hello_fault(peers, hello);
    struct peer *peer;

    free(link->subject);
    link->subject = xasprintf("server %s at %s", uuid_text(hello->server_id, id), hello->address);
    fault = fault ? fault : membership_fault(peers, hello);
    if (fault) {
        peer_link_refuse(link, fault);
        return;
    }
    peer = peers_get(peers, hello->server_id, hello->address);
    if (peer->incoming) {
        peer_link_end(peer->incoming, "the server has connected again");
        peer->incoming->peer = NULL;
    }
    peer->incoming = link;
    peer->answers_incoming = !peer->is_member;
    link->peer = peer;
    link_establish(link, hello);
    send_hello(link);
    redial(peer);
}

// Assigns the id in the answer to the dialed peer. False: the link has ended.
static bool identify(struct peer_link *link, const struct wire_hello *hello)
{
    char expected[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
    struct peer *peer = link->peer;

    if (uuid_is_zero(peer->id)) {
        peer = peers_identify(link->peers, peer, hello->server_id);
        return peer != NULL;
    }
    if (!uuid_equals(peer->id, hello->server_id)) {
        _cleanup_free_ char *fault =
            xasprintf("the server at %s has the ID %s, not %s", peer->address,
                      uuid_text(hello->server_id, id), uuid_text(peer->id, expected));

        peer_link_refuse(link, fault);
        return false;
    }
    return true;
}

static void accept_answer(struct peer_link *link, const struct wire_hello *hello)
{
    struct peers *peers = link->peers;
    _cleanup_free_ char *fault = hello_fault(peers, hello);
    char id[UUID_TEXT_SIZE];
    bool is_dialed = link->peer->is_dialed;

    if (fault) {
        peer_link_refuse(link, fault);
        return;
    }
    if (!identify(link, hello)) {
        return;
    }
    link_establish(link, hello);
    link->peer->answers_incoming = false;
    log_info("%s: connected to server %s at %s", peers->name, uuid_text(link->id, id),
             link->peer->address);
    if (is_dialed) {
        peers->handler->introduced(peers->userdata, hello);
    }
    if (link->state == PEER_LINK_USABLE) {
        peers->handler->connected(peers->userdata, hello->server_id, true);
    }
}

static void handle_first(struct peer_link *link, const struct wire_message *message)
{
    switch (message->kind) {
    case WIRE_HELLO:
        if (link->is_incoming) {
            accept_hello(link, &message->hello);
        } else {
            accept_answer(link, &message->hello);
        }
        break;
    case WIRE_REFUSED:
        link_refused(link, message->reason);
        break;
    default:
        peer_link_refuse(link, "the first message is not a hello");
        break;
    }
}

static void handle_further(struct peer_link *link, const struct wire_message *message)
{
    struct peers *peers = link->peers;
    struct peer *peer = link->peer;

    switch (message->kind) {
    case WIRE_HELLO:
        peer_link_refuse(link, "a second hello on one connection");
        break;
    case WIRE_REFUSED:
        link_refused(link, message->reason);
        break;
    default:
        if (!link->is_incoming && peer->incoming) {
            break; // sent before the connection of this server, whose messages may be here already
        }
        sd_event_now(peers->event, CLOCK_MONOTONIC, &peer->last_received);
        peers->handler->message(peers->userdata, link->id, message);
        break;
    }
}

static void on_message(struct connection *connection, struct slice text)
{
    struct peers *peers = net_userdata(connection_net(connection));
    struct peer_link *link = connection_userdata(connection);
    _cleanup_error_ struct ovsdb_error *error = NULL;
    struct wire_message message;

    if (!peers || link->state == PEER_LINK_ENDED) {
        return;
    }
    if (slice_is(text, PROBE_REQUEST) && (link->was_usable || !link->is_incoming)) {
        connection_send(connection, SLICE(PROBE_REPLY), POSITION_NONE);
        return;
    }
    error = wire_decode(text, &peers->memory, &message);
    if (error) {
        peer_link_refuse(link, error->details);
        return;
    }
    COUNT(cluster_messages_received);
    COUNT_N(cluster_bytes_received, text.size);
    if (link->state == PEER_LINK_WAITING) {
        handle_first(link, &message);
    } else {
        handle_further(link, &message);
    }
}

static struct peer *find_by_remote(const struct peers *peers, const struct remote *remote)
{
    for (size_t i = 0; i < peers->n; i++) {
        if (peers->list[i]->remote == remote) {
            return peers->list[i];
        }
    }
    return NULL;
}

// The other end of an accepted connection, without the port, which is new each time.
static char *subject_of(const struct connection *connection)
{
    const char *name = connection_name(connection);
    const char *colon = strrchr(name, ':');

    return xstrndup(name, colon ? (size_t)(colon - name) : strlen(name));
}

static void on_opened(struct connection *connection)
{
    struct peers *peers = net_userdata(connection_net(connection));
    struct remote *remote = connection_remote(connection);
    struct peer_link *link = NEW(struct peer_link);
    usec_t now = 0;

    assert(peers); // without remotes, nothing is opened
    link->peers = peers;
    link->connection = connection;
    link->is_incoming = remote == peers->listener;
    connection_set_userdata(connection, link);
    sd_event_now(peers->event, CLOCK_MONOTONIC, &now);
    link->deadline = now + peers->hello_timeout;
    list_push_back(&peers->waiting, &link->in_waiting);
    peers_arm_timer(peers);
    if (link->is_incoming) {
        link->subject = subject_of(connection);
    } else {
        link->peer = find_by_remote(peers, remote);
        assert(link->peer && !link->peer->outgoing);
        link->peer->outgoing = link;
        link->subject = xasprintf("the server at %s", link->peer->address);
    }
    if (connection_is_tls(connection) && !connection_is_verified(connection)) {
        peer_link_refuse(link,
                         "its certificate is not verified, because there is no CA certificate");
    } else if (!link->is_incoming) {
        send_hello(link);
    }
}

bool peer_link_is_usable(const struct peer_link *link)
{
    return link && link->state == PEER_LINK_USABLE;
}

// A usable link has ended.
static void link_lost(struct peers *peers, const struct peer_link *link, const char *reason)
{
    const struct peer *peer = peers_find(peers, link->id);
    bool is_outgoing_lost = !peer || !peer_link_is_usable(peer->outgoing);
    bool are_both_lost = is_outgoing_lost && (!peer || !peer_link_is_usable(peer->incoming));
    struct uuid id = link->id;

    peers->n_disconnections++;
    if (!link->is_incoming) {
        log_info("%s: the connection to %s has ended: %s", peers->name, link->subject, reason);
        if (is_outgoing_lost) {
            peers->handler->connected(peers->userdata, id, false);
        }
    }
    if (are_both_lost && peers->handler->lost) {
        peers->handler->lost(peers->userdata, id);
    }
}

static void on_closed(struct connection *connection, const char *reason)
{
    struct peers *peers = net_userdata(connection_net(connection)); // NULL after peers_free()
    struct peer_link *link = connection_userdata(connection);

    if (peers) {
        struct peer *peer = link->peer;

        if (link->state != PEER_LINK_ENDED) {
            link_set_state(link, PEER_LINK_ENDED);
        }
        if (peer) {
            peer->outgoing = peer->outgoing == link ? NULL : peer->outgoing;
            peer->incoming = peer->incoming == link ? NULL : peer->incoming;
            peers_release(peers, peer);
        }
        if (link->was_usable) {
            link_lost(peers, link, reason);
        }
    }
    list_remove(&link->in_waiting);
    message_backlog_done(&link->backlog);
    free(link->subject);
    free(link);
}

static void on_drained(struct connection *connection)
{
    struct peers *peers = net_userdata(connection_net(connection));
    const struct peer_link *link = connection_userdata(connection);

    if (peers && link->state == PEER_LINK_USABLE && peers->handler->drained) {
        peers->handler->drained(peers->userdata, link->id);
    }
}

const struct net_handler peers_net_handler = {
    .opened = on_opened, .message = on_message, .drained = on_drained, .closed = on_closed};
