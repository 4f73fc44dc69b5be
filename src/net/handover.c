// SPDX-License-Identifier: Apache-2.0
#include "net/handover.h"

#include "net/connector.h"
#include "net/internal.h"
#include "net/listener.h"

#include <assert.h>
#include <stdio.h>

struct offer {
    struct list node; // net->offers
    char *target;
    int fd; // -1: taken
};

void net_accept_waiting(struct net *net)
{
    struct remote *remote;

    net_enter(net);
    LIST_FOREACH (remote, &net->remotes, in_net) {
        if (remote->listener && remote->listener->file.path) {
            listener_accept_waiting(remote->listener);
        }
    }
    net_leave(net);
}

static bool is_portable(const struct connection *connection)
{
    return connection->state == CONNECTION_OPEN && !connection->stream.tls &&
           !connection->is_at_end && !connection->long_message && list_is_empty(&connection->marks);
}

void net_visit_portable(struct net *net,
                        void (*visit)(void *userdata, struct connection *connection),
                        void *userdata)
{
    struct connection *connection;
    struct remote *remote;

    LIST_FOREACH (remote, &net->remotes, in_net) {
        LIST_FOREACH (connection, &remote->connections, in_remote) {
            if (remote->kind != REMOTE_ADOPTED && is_portable(connection)) {
                visit(userdata, connection);
            }
        }
    }
}

void net_visit_listeners(struct net *net, void (*visit)(void *userdata, const char *target, int fd),
                         void *userdata)
{
    const struct remote *remote;

    LIST_FOREACH (remote, &net->remotes, in_net) {
        if (remote->address.is_passive && !remote->is_unix) {
            visit(userdata, remote->target, remote->listener->acceptor.fd);
        }
    }
}

int connection_fd(const struct connection *connection)
{
    return connection->stream.fd;
}

struct slice connection_input(const struct connection *connection)
{
    return buf_slice(&connection->input);
}

void connection_put_output(const struct connection *connection, struct buf *buf)
{
    queue_copy(&connection->queue, buf);
}

// Makes sure that no connection accepted later gets the same name.
static void reserve_name(struct net *net, const char *name)
{
    unsigned n;

    if (sscanf(name, "unix#%u", &n) == 1) {
        net->n_unix = MAX(net->n_unix, n + 1);
    }
}

struct connection *remote_continue(struct remote *remote, int fd, struct slice name,
                                   struct slice input, struct slice output)
{
    struct connection *connection;
    struct stream stream;

    stream_init_plain(&stream, fd);
    assert(!remote->is_dead);
    if (remote->is_tls || (remote->connector && !connector_continue(remote->connector))) {
        stream_close_socket(&stream);
        return NULL;
    }
    connection = connection_new(remote, &stream, xstrndup(name.data, name.size));
    if (!connection) {
        if (remote->connector) {
            connector_lost(remote->connector, net_now(remote->net));
        }
        return NULL;
    }
    reserve_name(remote->net, connection->name);
    buf_put_slice(&connection->input, input);
    remote->net->handler.opened(connection);
    connection_send(connection, output, POSITION_NONE);
    input_resume(connection);
    return connection;
}

static void offer_free(struct offer *offer)
{
    list_remove(&offer->node);
    if (offer->fd >= 0) {
        close(offer->fd);
    }
    free(offer->target);
    free(offer);
}

void net_offer_listener(struct net *net, struct slice target, int fd)
{
    struct offer *offer = NEW(struct offer);

    offer->target = xstrndup(target.data, target.size);
    offer->fd = fd;
    list_push_back(&net->offers, &offer->node);
}

int offer_take(struct net *net, const char *target)
{
    struct offer *offer;
    int fd = -1;

    LIST_FOREACH (offer, &net->offers, node) {
        if (!strcmp(offer->target, target)) {
            fd = TAKE_FD(offer->fd);
            offer_free(offer);
            break;
        }
    }
    return fd;
}

void net_close_offered(struct net *net)
{
    while (!list_is_empty(&net->offers)) {
        offer_free(LIST_FIRST(&net->offers, struct offer, node));
    }
}
