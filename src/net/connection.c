// SPDX-License-Identifier: Apache-2.0
// The life of a connection: open, perhaps closing for a while so that what is queued gets out,
// dead, reaped. Only the reaper tells the handler and frees.
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

static const char *const state_names[] = {"open", "closing", "dead"};

static void set_state(struct connection *connection, enum connection_state state)
{
    assert(state > connection->state); // open -> closing -> dead, or open -> dead
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
    // A hang-up or an error shows in what recv() or send() returns, whichever is being waited for.
    if (connection->state == CONNECTION_OPEN && connection->events & EPOLLIN &&
        events & ~(uint32_t)EPOLLOUT) {
        input_receive(connection);
    }
    connection_update_events(connection);
}

static int watch(struct connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    int op = !connection->events ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

    return epoll_ctl(connection->net->epoll_fd, op, connection->stream.fd, &event);
}

// Reading stops while there is unhandled input, too much output, or the end has come. Nothing to
// wait for turns the source off: the kernel would report a hang-up over and over.
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
    if (watch(connection, events) < 0) {
        connection_die(connection, LOG_LEVEL_ERR, "cannot watch the connection");
        return;
    }
    connection->events = events;
}

// Clients come and go: no news. Whom we dialled is expected to stay.
enum log_level connection_end_level(const struct connection *connection)
{
    return connection->remote->kind == REMOTE_LISTENER ? LOG_LEVEL_DBG : LOG_LEVEL_INFO;
}

static void log_end(const struct connection *connection, enum log_level level, const char *reason)
{
    log_event(level, level <= LOG_LEVEL_WARN ? MSG_CLIENT_CUT : NULL,
              LOG_FIELDS({"OVSDB_SESSION", connection->name},
                         {"OVSDB_REMOTE", connection->remote->target}),
              "%s: %s", connection->name, reason);
}

static void on_connection_timer(struct timer *timer, usec_t now)
{
    struct connection *connection = CONTAINER_OF(timer, struct connection, timer);

    if (connection->state == CONNECTION_CLOSING) {
        connection_die(connection, LOG_LEVEL_INFO, connection->reason);
    } else {
        probe_check(connection, now);
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
    }
    if (watch(connection, EPOLLIN) < 0) {
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
    connection->last_sign = net_now(net);
    probe_start(connection);
    input_resume(connection); // some may have come with the end of a handshake
    log_dbg("%s: connected through %s", name, remote->target);
    return connection;
}

void connection_free(struct connection *connection)
{
    buf_done(&connection->input);
    long_message_free(connection->long_message);
    free(connection->name);
    tls_peer_done(&connection->peer);
    free(connection->reason);
    free(connection);
}

// The input stays until the reaper: a handler may be looking at a message in it.
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
    set_state(connection, CONNECTION_DEAD);
    if (connection->events) {
        watch(connection, 0); // closing is not enough if another process has the socket too
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
        watch(connection, 0);
        connection->events = 0;
    }
    close(connection->stream.fd); // unread input is the other process's
    connection->stream.fd = -1;
    connection_die(connection, LOG_LEVEL_DBG, "goes on in another process");
}

void connection_close_at(struct connection *connection, enum log_level level, const char *reason)
{
    struct net *net = connection->net;

    if (connection->state != CONNECTION_OPEN) {
        return;
    }
    connection->reason = xstrdup(reason);
    log_end(connection, level, reason);
    set_state(connection, CONNECTION_CLOSING);
    list_remove(&connection->in_input_ready);
    net_set_timer(net, &connection->timer, net_now(net) + net->linger_usec);
    connection_update_events(connection);
    output_arm(connection);
}

void connection_close(struct connection *connection, const char *reason)
{
    connection_close_at(connection, LOG_LEVEL_INFO, reason);
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

size_t connection_peer_groups(const struct connection *connection, gid_t **ret)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    gid_t *groups;

    if (!connection->remote->is_unix ||
        getsockopt(connection->stream.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        return 0;
    }
    size = 0; // asks how many there are
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
