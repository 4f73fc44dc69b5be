// SPDX-License-Identifier: Apache-2.0
// The net: everything of one loop. Its sources run from lists of who has something to do; no source
// ever walks all connections.
#include "net/internal.h"

#include "basic/alloc.h"

#include <poll.h>

LOG_MODULE(net);

void net_enter(struct net *net)
{
    net->depth++;
}

static void destroy(struct net *net);

void net_leave(struct net *net)
{
    if (!--net->depth && net->is_dead) {
        destroy(net);
    }
}

void net_arm(sd_event_source *source)
{
    sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

usec_t net_now(struct net *net)
{
    usec_t now = 0;

    sd_event_now(net->event, CLOCK_MONOTONIC, &now);
    return now;
}

// Moves the loop's timer only when something is due before it would fire; otherwise it fires early
// once, finds nothing, and is armed anew. So a connection with input costs no timer call.
static void arm_timer(struct net *net)
{
    usec_t next = timers_next(&net->timers);

    if (next < net->timer_armed) {
        net->timer_armed = next;
        sd_event_source_set_time(net->timer_source, next);
        sd_event_source_set_enabled(net->timer_source, SD_EVENT_ONESHOT);
    }
}

void net_set_timer(struct net *net, struct timer *timer, usec_t deadline)
{
    timers_set(&net->timers, timer, deadline);
    arm_timer(net);
}

void net_clear_timer(struct net *net, struct timer *timer)
{
    timers_clear(&net->timers, timer);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct net *net = userdata;
    usec_t now = net_now(net);
    struct timer *timer;

    net_enter(net);
    net->timer_armed = USEC_INFINITY;
    for (int i = 0; i < NET_TIMER_BATCH && (timer = timers_pop(&net->timers, now)); i++) {
        timer->expired(timer, now);
    }
    arm_timer(net);
    net_leave(net);
    return 0;
}

// One connection a turn: others' input comes in between.
static int on_input_ready(sd_event_source *source, void *userdata)
{
    struct net *net = userdata;
    struct connection *connection;

    if (list_is_empty(&net->input_ready)) {
        return 0;
    }
    net_enter(net);
    connection = LIST_FIRST(&net->input_ready, struct connection, in_input_ready);
    list_remove(&connection->in_input_ready);
    input_continue(connection);
    if (!list_is_empty(&net->input_ready)) {
        net_arm(net->input_source);
    }
    net_leave(net);
    return 0;
}

static int on_output_ready(sd_event_source *source, void *userdata)
{
    struct net *net = userdata;

    net_enter(net);
    for (int i = 0; i < NET_OUTPUT_BATCH && !list_is_empty(&net->output_ready); i++) {
        struct connection *connection =
            LIST_FIRST(&net->output_ready, struct connection, in_output_ready);

        list_remove(&connection->in_output_ready);
        output_run(connection);
    }
    if (!list_is_empty(&net->output_ready)) {
        net_arm(net->output_source);
    }
    net_leave(net);
    return 0;
}

// The first connection that is over: tells its handler, then its remote.
static void reap_connection(struct net *net)
{
    struct connection *connection =
        LIST_FIRST(&net->dead_connections, struct connection, in_output_ready);
    struct remote *remote = connection->remote;

    list_remove(&connection->in_output_ready);
    net->handler.closed(connection, connection->reason);
    list_remove(&connection->in_remote);
    remote->n_connections--;
    net->n_connections--;
    connection_free(connection);
    remote_closed(remote);
}

static void reap_remotes(struct net *net)
{
    struct list *node = net->dead_remotes.next;

    while (node != &net->dead_remotes) {
        struct remote *remote = CONTAINER_OF(node, struct remote, in_net);

        node = node->next;
        if (!remote->n_connections) {
            remote_reap(remote);
        }
    }
}

static int on_reap(sd_event_source *source, void *userdata)
{
    struct net *net = userdata;

    net_enter(net);
    for (int i = 0; i < NET_REAP_BATCH && !list_is_empty(&net->dead_connections); i++) {
        reap_connection(net);
    }
    if (!list_is_empty(&net->dead_connections)) {
        net_arm(net->reap_source);
    }
    reap_remotes(net);
    net_leave(net);
    return 0;
}

static void add_deferred(struct net *net, sd_event_source **ret, sd_event_handler_t callback,
                         const char *description)
{
    if (sd_event_add_defer(net->event, ret, callback, net) < 0) {
        log_emer("cannot add a source to the event loop");
        abort();
    }
    sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
    sd_event_source_set_priority(*ret, SD_EVENT_PRIORITY_NORMAL);
    sd_event_source_set_description(*ret, description);
}

struct net *net_new(sd_event *event, const struct net_handler *handler, void *userdata)
{
    struct net *net = NEW(struct net);

    net->event = sd_event_ref(event);
    net->handler = *handler;
    net->userdata = userdata;
    net->connect_usec = NET_CONNECT_USEC;
    net->linger_usec = NET_LINGER_USEC;
    net->timer_armed = USEC_INFINITY;
    net->read_buffer = xmalloc(NET_READ_SIZE);
    list_init(&net->remotes);
    list_init(&net->dead_remotes);
    list_init(&net->dead_connections);
    list_init(&net->input_ready);
    list_init(&net->output_ready);
    list_init(&net->marks);
    add_deferred(net, &net->input_source, on_input_ready, "input left");
    add_deferred(net, &net->output_source, on_output_ready, "output ready");
    add_deferred(net, &net->reap_source, on_reap, "connections over");
    if (sd_event_add_time(event, &net->timer_source, CLOCK_MONOTONIC, USEC_INFINITY, USEC_PER_MSEC,
                          on_timer, net) < 0) {
        log_emer("cannot add a timer to the event loop");
        abort();
    }
    sd_event_source_set_enabled(net->timer_source, SD_EVENT_OFF);
    sd_event_source_set_description(net->timer_source, "probes and dials");
    return net;
}

static void destroy(struct net *net)
{
    net->depth++; // a net_free() from closed() is one too many and does nothing
    while (!list_is_empty(&net->remotes)) {
        remote_free(LIST_FIRST(&net->remotes, struct remote, in_net));
    }
    while (!list_is_empty(&net->dead_remotes)) {
        struct remote *remote = LIST_FIRST(&net->dead_remotes, struct remote, in_net);
        struct connection *connection;

        LIST_FOREACH (connection, &remote->connections, in_remote) {
            connection_die(connection, LOG_LEVEL_DBG, "the server stops");
        }
        while (!list_is_empty(&net->dead_connections)) {
            reap_connection(net);
        }
        remote_reap(remote);
    }
    sd_event_source_disable_unref(net->input_source);
    sd_event_source_disable_unref(net->output_source);
    sd_event_source_disable_unref(net->reap_source);
    sd_event_source_disable_unref(net->timer_source);
    timers_done(&net->timers);
    free(net->read_buffer);
    sd_event_unref(net->event);
    free(net);
}

void net_free(struct net *net)
{
    if (!net || net->is_dead) {
        return;
    }
    net->is_dead = true;
    if (!net->depth) {
        destroy(net);
    }
}

void *net_userdata(const struct net *net)
{
    return net->userdata;
}

size_t net_n_connections(const struct net *net)
{
    return net->n_connections;
}

size_t net_backlog(const struct net *net)
{
    return net->backlog;
}

void net_reconnect(struct net *net)
{
    struct remote *remote;
    struct connection *connection;

    LIST_FOREACH (remote, &net->remotes, in_net) {
        LIST_FOREACH (connection, &remote->connections, in_remote) {
            connection_close(connection, "reconnect requested");
        }
        if (remote->kind == REMOTE_CONNECTOR) {
            connector_redial(remote);
        }
    }
}

// Writes what can be written and collects who waits for the kernel to take more.
static size_t flush_once(struct net *net, struct pollfd **waits, size_t *capacity)
{
    struct remote *remote;
    struct connection *connection;
    size_t n = 0;

    for (int pass = 0; pass < 2; pass++) {
        LIST_FOREACH (remote, pass ? &net->dead_remotes : &net->remotes, in_net) {
            LIST_FOREACH (connection, &remote->connections, in_remote) {
                while (output_sendable(connection) && output_write(connection) &&
                       !connection->is_blocked) {
                }
                if (output_sendable(connection)) {
                    GROW(*waits, n, *capacity);
                    (*waits)[n++] = (struct pollfd){connection->stream.fd, POLLOUT, 0};
                }
            }
        }
    }
    return n;
}

void net_flush(struct net *net, usec_t timeout)
{
    usec_t start = clock_monotonic();
    _cleanup_free_ struct pollfd *waits = NULL;
    size_t capacity = 0;
    size_t n;

    net_enter(net);
    while ((n = flush_once(net, &waits, &capacity))) {
        usec_t spent = clock_monotonic() - start;

        if (spent >= timeout) {
            break;
        }
        poll(waits, n, (int)MIN((timeout - spent) / USEC_PER_MSEC + 1, (usec_t)1000));
    }
    net_leave(net);
}
