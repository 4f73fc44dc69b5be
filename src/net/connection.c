// SPDX-License-Identifier: Apache-2.0
// The life of a connection:
//
//     OPEN --connection_close()--> CLOSING --queue is sent, or 5 s--> DEAD --reaped--> freed
//       |                                                              ^
//       +------------------- error, or it ends at once ----------------+
//
// Only the reaper (loop.c) calls closed() and frees the connection.
#include "basic/counter.h"
#include "basic/messages.h"
#include "net/admission.h"
#include "net/handover.h"
#include "net/internal.h"
#include "net/tls/tls.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

LOG_MODULE(net);
COUNTER(connections_opened, "Connections with clients, TLS handshakes included");
COUNTER(probes_unanswered, "Connections ended because the peer did not answer a probe");

static const char *const state_names[] = {
    [CONNECTION_OPEN] = "open", [CONNECTION_CLOSING] = "closing", [CONNECTION_DEAD] = "dead"};

#define TO(state) (1u << CONNECTION_##state)

static const unsigned allowed_moves[] = {
    [CONNECTION_OPEN] = TO(CLOSING) | TO(DEAD),
    [CONNECTION_CLOSING] = TO(DEAD),
    [CONNECTION_DEAD] = 0,
};

static_assert(ARRAY_SIZE(state_names) == CONNECTION_N_STATES, "every state has a name");
static_assert(ARRAY_SIZE(allowed_moves) == CONNECTION_N_STATES, "every state has its moves");

static void connection_set_state(struct connection *connection, enum connection_state state)
{
    assert(allowed_moves[connection->state] & 1u << state);
    assert(connection->reason);
    log_dbg("%s: %s -> %s", connection->name, state_names[connection->state], state_names[state]);
    connection->state = state;
}

void connection_dispatch(struct connection *connection, uint32_t events)
{
    if (connection->state == CONNECTION_DEAD) {
        return;
    }
    if (events & ~(uint32_t)EPOLLIN && connection->events & EPOLLOUT) {
        connection->is_blocked = false;
        output_run(connection);
    }
    // A hang-up or an error is reported by recv() or send(), whichever the connection waits for.
    if (connection->state == CONNECTION_OPEN && connection->events & EPOLLIN &&
        events & ~(uint32_t)EPOLLOUT) {
        input_receive(connection);
    }
    connection_update_events(connection);
}

static int connection_watch(struct connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    int op = !connection->events ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

    return epoll_ctl(connection->net->epoll_fd, op, connection->stream.fd, &event);
}

// Does not wait for input while there is unhandled input, too much output, or after the end of the
// input. A socket without events to wait for leaves the epoll set, as the kernel would otherwise
// report a hang-up in every turn.
void connection_update_events(struct connection *connection)
{
    bool receiving, sending;
    uint32_t events;

    if (connection->state == CONNECTION_DEAD) {
        return;
    }
    receiving = connection->state == CONNECTION_OPEN && !connection->is_paused &&
                !connection->is_held && !connection->is_at_end &&
                connection->scanned == connection->input.size;
    sending = connection->is_blocked;
    events = (receiving ? EPOLLIN : 0u) | (sending ? EPOLLOUT : 0u);
    if (events == connection->events) {
        return;
    }
    if (connection_watch(connection, events) < 0) {
        connection_die(connection, LOG_LEVEL_ERR, "cannot watch the connection");
        return;
    }
    connection->events = events;
}

// The end of a client's connection is logged at debug level, the loss of an outgoing one at info.
enum log_level connection_end_level(const struct connection *connection)
{
    const struct remote *remote = connection->remote;

    return remote->kind == REMOTE_LISTENER || remote->options.is_quiet ? LOG_LEVEL_DBG
                                                                       : LOG_LEVEL_INFO;
}

static void log_end(const struct connection *connection, enum log_level level, const char *reason)
{
    log_event(level, level <= LOG_LEVEL_WARN ? MSG_CLIENT_CUT : NULL,
              LOG_FIELDS({"OVSDB_SESSION", connection->name},
                         {"OVSDB_REMOTE", connection->remote->target}),
              "%s: %s", connection->name, reason);
}

void connection_update_probe(struct connection *connection)
{
    probe_set_interval(&connection->probe, remote_probe_interval(connection->remote));
    if (connection->state != CONNECTION_OPEN) {
        return; // the timer is that of the linger time
    }
    if (connection->probe.interval) {
        net_set_timer(connection->net, &connection->timer,
                      connection->probe.last_sign + connection->probe.interval);
    } else {
        net_clear_timer(connection->net, &connection->timer);
    }
}

// Looks for signs of life that have not been counted yet. Input counts even if it was not received,
// because the loop was busy or messages are held back. A paused peer, from which nothing is
// received, is alive if it accepts output. A peer is not lost if the probe has not been sent,
// because the output before it waits for a commit log on a slow disk.
static bool is_alive(const struct connection *connection)
{
    char byte;

    if (connection->is_paused) {
        return !connection->is_blocked;
    }
    if (output_waits(connection, connection->probe_start)) {
        return true;
    }
    return connection->scanned < connection->input.size ||
           recv(connection->stream.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void end_silent(struct connection *connection)
{
    _cleanup_free_ char *reason = xasprintf("no response to the inactivity probe after %g seconds",
                                            (double)connection->probe.interval / USEC_PER_SEC);

    COUNT(probes_unanswered);
    connection_die(connection, LOG_LEVEL_WARN, reason);
}

static void connection_probe(struct connection *connection, usec_t now)
{
    switch (probe_step(&connection->probe, now)) {
    case PROBE_WAIT:
        break;
    case PROBE_SEND:
        if (!connection->is_paused && !output_waits(connection, connection->probe_start)) {
            connection->probe_start = queue_tail(&connection->queue);
            connection_send(connection, SLICE(PROBE_REQUEST), POSITION_NONE);
        }
        break;
    case PROBE_EXPIRED:
        if (!is_alive(connection)) {
            end_silent(connection);
            return;
        }
        probe_alive(&connection->probe, now);
        break;
    }
    if (connection->state == CONNECTION_OPEN) {
        net_set_timer(connection->net, &connection->timer, probe_deadline(&connection->probe));
    }
}

static void on_connection_timer(struct timer *timer, usec_t now)
{
    struct connection *connection = CONTAINER_OF(timer, struct connection, timer);

    if (connection->state == CONNECTION_CLOSING) {
        connection_die(connection, LOG_LEVEL_INFO, connection->reason);
    } else {
        assert(connection->state == CONNECTION_OPEN);
        connection_probe(connection, now);
    }
}

struct connection *connection_new(struct remote *remote, const struct stream *stream, char *name)
{
    struct net *net = remote->net;
    struct connection *connection = NEW(struct connection);

    connection->net = net;
    connection->remote = remote;
    connection->name = name;
    connection->timer.expired = on_connection_timer;
    list_init(&connection->in_input_ready);
    list_init(&connection->in_output_ready);
    list_init(&connection->marks);
    framer_init(&connection->framer, net->limits.max_message);
    connection->stream = *stream;
    if (stream->tls) {
        connection->peer = tls_take_peer(stream->tls);
        connection->is_verified = tls_is_verified(stream->tls);
    }
    if (connection_watch(connection, EPOLLIN) < 0) {
        log_err("%s: cannot watch the connection: %s", name, strerror(errno));
        connection->stream.ops->close(&connection->stream);
        connection_free(connection);
        return NULL;
    }
    connection->events = EPOLLIN;
    if (remote->kind == REMOTE_LISTENER) {
        connection->user = admission_enter(net, stream->fd);
    }
    list_push_back(&remote->connections, &connection->in_remote);
    remote->n_connections++;
    remote->last_connected = net_now(net);
    net->n_connections++;
    net->n_changes++;
    COUNT(connections_opened);
    probe_alive(&connection->probe, net_now(net));
    connection_update_probe(connection);
    input_resume(connection); // the last step of a TLS handshake may have received input
    log_dbg("%s: connected through %s", name, remote->target);
    return connection;
}

void connection_free(struct connection *connection)
{
    assert(connection->stream.fd < 0 && !connection->queue.size);
    assert(list_is_empty(&connection->marks) && !connection->timer.position);
    assert(list_is_empty(&connection->in_input_ready));
    assert(list_is_empty(&connection->in_output_ready));
    buf_done(&connection->input);
    long_message_free(connection->long_message);
    free(connection->name);
    tls_peer_done(&connection->peer);
    free(connection->reason);
    free(connection);
}

// The input is kept until the connection is reaped, because the caller may be a handler that uses a
// message in it.
void connection_die(struct connection *connection, enum log_level level, const char *reason)
{
    struct net *net = connection->net;

    if (connection->state == CONNECTION_DEAD) {
        return;
    }
    if (connection->state == CONNECTION_OPEN) {
        connection->reason = xstrdup(reason);
        log_end(connection, level, reason);
    }
    connection_set_state(connection, CONNECTION_DEAD);
    if (connection->events) {
        // Closing does not remove it from the epoll set if another process has the socket too.
        connection_watch(connection, 0);
    }
    connection->stream.ops->close(&connection->stream);
    output_discard(connection);
    net_clear_timer(net, &connection->timer);
    list_remove(&connection->in_input_ready);
    list_remove(&connection->in_output_ready);
    list_push_back(&net->dead_connections, &connection->in_output_ready);
    net_arm(net);
}

void connection_leave(struct connection *connection)
{
    if (connection->events) {
        connection_watch(connection, 0);
        connection->events = 0;
    }
    assert(!connection->stream.tls);
    close(connection->stream.fd); // without reading, as unread input is for the other process
    connection->stream.fd = -1;
    connection_die(connection, LOG_LEVEL_DBG, "continues in another process");
}

void connection_close_at(struct connection *connection, enum log_level level, const char *reason)
{
    struct net *net = connection->net;

    if (connection->state != CONNECTION_OPEN) {
        return;
    }
    connection->reason = xstrdup(reason);
    log_end(connection, level, reason);
    connection_set_state(connection, CONNECTION_CLOSING);
    list_remove(&connection->in_input_ready);
    net_set_timer(net, &connection->timer, net_now(net) + net->linger_usec);
    connection_update_events(connection);
    output_arm(connection);
}

void connection_close(struct connection *connection, const char *reason)
{
    connection_close_at(
        connection, connection->remote->options.is_quiet ? LOG_LEVEL_DBG : LOG_LEVEL_INFO, reason);
}

void connection_hold(struct connection *connection, bool on)
{
    if (connection->is_held == on) {
        return;
    }
    connection->is_held = on;
    if (on) {
        connection_update_events(connection);
    } else if (connection->state == CONNECTION_OPEN) {
        input_resume(connection);
    }
}

void connection_set_userdata(struct connection *connection, void *userdata)
{
    connection->userdata = userdata;
}

void *connection_userdata(const struct connection *connection)
{
    return connection->userdata;
}

struct remote *connection_remote(const struct connection *connection)
{
    return connection->remote;
}

struct net *connection_net(const struct connection *connection)
{
    return connection->net;
}

const char *connection_name(const struct connection *connection)
{
    return connection->name;
}

const char *connection_peer_cn(const struct connection *connection)
{
    return connection->peer.cn;
}

const char *const *connection_peer_sans(const struct connection *connection)
{
    static const char *const none[] = {NULL};
    char **sans = connection->peer.sans;

    return sans ? (const char *const *)sans : none;
}

size_t connection_backlog(const struct connection *connection)
{
    return connection->queue.size;
}

size_t connection_unread(const struct connection *connection)
{
    return connection->input.size;
}

void connection_usage(const struct connection *connection, struct connection_usage *ret)
{
    *ret = (struct connection_usage){
        .n_received = connection->n_received,
        .n_sent = connection->n_sent,
        .busy = connection->busy,
    };
}

bool connection_is_tls(const struct connection *connection)
{
    return connection->remote->is_tls;
}

bool connection_is_verified(const struct connection *connection)
{
    return connection->is_verified;
}

void connection_set_max_message(struct connection *connection, size_t max_message)
{
    assert(max_message && max_message <= NET_LONGEST_MESSAGE);
    if (!connection->long_message) {
        connection->framer.max_size = max_message;
    }
}

size_t connection_peer_groups(const struct connection *connection, gid_t **ret)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    gid_t *groups;

    if (!connection->remote->is_unix ||
        getsockopt(connection->stream.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        return 0;
    }
    size = 0; // the kernel returns the size that is needed
    getsockopt(connection->stream.fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size);
    groups = NEW_ARRAY(gid_t, size / sizeof(gid_t) + 1);
    if (getsockopt(connection->stream.fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
        size = 0;
    }
    groups[size / sizeof(gid_t)] = peer.gid;
    *ret = groups;
    return size / sizeof(gid_t) + 1;
}

bool connection_peer_process(const struct connection *connection, uid_t *ret_uid, pid_t *ret_pid)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (!connection->remote->is_unix ||
        getsockopt(connection->stream.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        return false;
    }
    *ret_uid = peer.uid;
    *ret_pid = peer.pid;
    return true;
}
