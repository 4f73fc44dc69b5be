// SPDX-License-Identifier: Apache-2.0
// The net on the event loop. The sockets of the connections are in one epoll set, which is one
// source of the loop. In a turn it handles a batch of ready connections, one after another. The
// output that they queue is written at the end of the turn, after other sources of the loop could
// add to it; that is why `work_source` has a lower priority (sd-event runs a deferred source of the
// same priority before any input).
//
// Connections with something to do are on lists. No step visits all connections.
#include "net/admission.h"
#include "net/handover.h"
#include "net/internal.h"

#include "basic/alloc.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

LOG_MODULE(net);

// Lower than that of sources that handle input and may add to the output.
#define WORK_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 1)

void net_enter(struct net *net)
{
    net->depth++;
}

static void net_destroy(struct net *net);

void net_leave(struct net *net)
{
    assert(net->depth);
    if (!--net->depth && net->is_dead) {
        net_destroy(net);
    }
}

void net_arm(struct net *net)
{
    if (!net->is_armed) {
        net->is_armed = true;
        net->armed = net_now(net);
        sd_event_source_set_enabled(net->work_source, SD_EVENT_ONESHOT);
    }
}

// A deferred source with the priority of the others runs before them.
void net_press(struct net *net)
{
    if (net->is_armed && !net->is_urgent && net_now(net) > net->armed + NET_PRESS_USEC) {
        net->is_urgent = true;
        sd_event_source_set_priority(net->work_source, SD_EVENT_PRIORITY_NORMAL);
    }
}

static void net_disarm(struct net *net)
{
    net->is_armed = false;
    sd_event_source_set_enabled(net->work_source, SD_EVENT_OFF);
    if (net->is_urgent) {
        net->is_urgent = false;
        sd_event_source_set_priority(net->work_source, WORK_PRIORITY);
    }
}

usec_t net_now(struct net *net)
{
    usec_t now = 0;

    sd_event_now(net->event, CLOCK_MONOTONIC, &now);
    return now;
}

// Moves the timer source only if a timer is due before it fires. If the first timer has been moved
// to later, the source fires early once, finds nothing due, and is armed again. Therefore input on
// a connection costs no system call for timers.
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

// Adds the time since `*since` to the busy time of a connection, and sets `*since` to now. Uses the
// monotonic clock, because reading CPU time is a system call each time, and the loop hardly ever
// sleeps between two calls.
static void add_busy_time(struct connection *connection, usec_t *since)
{
    usec_t now = clock_monotonic();

    connection->busy += now - *since;
    *since = now;
}

// `since`: the current time, or 0 if the clock has not been read yet.
static void write_outputs(struct net *net, usec_t since)
{
    if (!since && !list_is_empty(&net->output_ready)) {
        since = clock_monotonic();
    }
    for (int i = 0; i < NET_OUTPUT_BATCH && !list_is_empty(&net->output_ready); i++) {
        struct connection *connection =
            LIST_FIRST(&net->output_ready, struct connection, in_output_ready);

        list_remove(&connection->in_output_ready);
        output_run(connection);
        add_busy_time(connection, &since);
    }
}

// Handles one batch of each connection with stored input, in turn.
static void continue_inputs(struct net *net)
{
    usec_t since = list_is_empty(&net->input_ready) ? 0 : clock_monotonic();
    struct list *last = net->input_ready.prev;
    struct list *node = NULL;
    struct connection *connection;

    for (int i = 0; i < NET_EVENT_BATCH && node != last && !list_is_empty(&net->input_ready); i++) {
        node = net->input_ready.next;
        list_remove(node);
        connection = CONTAINER_OF(node, struct connection, in_input_ready);
        input_continue(connection);
        add_busy_time(connection, &since);
    }
}

// Reaps the first dead connection: calls closed(), frees it, and informs its remote.
static void reap_connection(struct net *net)
{
    struct connection *connection =
        LIST_FIRST(&net->dead_connections, struct connection, in_output_ready);
    struct remote *remote = connection->remote;

    assert(connection->state == CONNECTION_DEAD && net->depth);
    list_remove(&connection->in_output_ready);
    net->handler.closed(connection, connection->reason);
    list_remove(&connection->in_remote);
    admission_leave(net, connection->user);
    assert(remote->n_connections && net->n_connections);
    remote->n_connections--;
    remote->last_disconnected = net_now(net);
    if (remote->kind == REMOTE_CONNECTOR) {
        remote_set_error(remote, connection->reason);
    }
    net->n_connections--;
    net->n_changes++;
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

static void reap_batch(struct net *net)
{
    for (int i = 0; i < NET_REAP_BATCH && !list_is_empty(&net->dead_connections); i++) {
        reap_connection(net);
    }
    reap_remotes(net);
}

static void net_rearm(struct net *net)
{
    if (!list_is_empty(&net->output_ready) || !list_is_empty(&net->input_ready) ||
        !list_is_empty(&net->dead_connections)) {
        net_arm(net);
    }
}

static int on_work(sd_event_source *source, void *userdata)
{
    struct net *net = userdata;

    net_enter(net);
    net_disarm(net);
    write_outputs(net, 0);
    continue_inputs(net);
    reap_batch(net);
    net_rearm(net);
    net_leave(net);
    return 0;
}

// Work left over from previous turns comes before new input, so that new input cannot starve it.
static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct net *net = userdata;
    struct epoll_event events[NET_EVENT_BATCH];
    usec_t since;
    int n;

    net_enter(net);
    write_outputs(net, 0);
    continue_inputs(net);
    n = epoll_wait(fd, events, NET_EVENT_BATCH, 0);
    since = clock_monotonic();
    for (int i = 0; i < n; i++) {
        connection_dispatch(events[i].data.ptr, events[i].events);
        add_busy_time(events[i].data.ptr, &since);
    }
    write_outputs(net, since); // sends the replies to this input in the same turn
    reap_batch(net);
    net_disarm(net);
    net_rearm(net);
    net_leave(net);
    return 0;
}

static void check_added(int r)
{
    if (r < 0) {
        log_emer("cannot add a source to the event loop: %s", strerror(-r));
        abort();
    }
}

int net_add_epoll(struct net *net, sd_event_source **ret, sd_event_io_handler_t handler,
                  const char *description)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);

    check_added(fd < 0 ? -errno : 0);
    check_added(sd_event_add_io(net->event, ret, fd, EPOLLIN, handler, net));
    sd_event_source_set_priority(*ret, SD_EVENT_PRIORITY_NORMAL);
    sd_event_source_set_description(*ret, description);
    return fd;
}

static void add_sources(struct net *net)
{
    net->epoll_fd = net_add_epoll(net, &net->epoll_source, on_ready, "connections ready");
    check_added(sd_event_add_defer(net->event, &net->work_source, on_work, net));
    check_added(sd_event_add_time(net->event, &net->timer_source, CLOCK_MONOTONIC, USEC_INFINITY,
                                  USEC_PER_MSEC, on_timer, net));
    sd_event_source_set_enabled(net->work_source, SD_EVENT_OFF);
    sd_event_source_set_enabled(net->timer_source, SD_EVENT_OFF);
    sd_event_source_set_priority(net->timer_source, SD_EVENT_PRIORITY_NORMAL);
    sd_event_source_set_priority(net->work_source, WORK_PRIORITY);
    sd_event_source_set_description(net->timer_source, "probes and dials");
    sd_event_source_set_description(net->work_source, "end of turn");
}

struct net *net_new(sd_event *event, const struct net_handler *handler, void *userdata)
{
    struct net *net = NEW(struct net);

    net->event = sd_event_ref(event);
    net->handler = *handler;
    net->userdata = userdata;
    net->connect_usec = NET_CONNECT_USEC;
    net->linger_usec = NET_LINGER_USEC;
    net->handshake_usec = NET_HANDSHAKE_USEC;
    net->timer_armed = USEC_INFINITY;
    net->limits = NET_LIMITS_DEFAULT;
    net->tls = tls_config_new();
    net->read_buffer = xmalloc(NET_READ_SIZE);
    list_init(&net->remotes);
    list_init(&net->dead_remotes);
    list_init(&net->dead_connections);
    list_init(&net->input_ready);
    list_init(&net->output_ready);
    list_init(&net->offers);
    add_sources(net);
    handshake_init(net);
    return net;
}

static void net_destroy(struct net *net)
{
    assert(net->is_dead && !net->depth);
    net->depth++; // closed() may enter and leave the net, which must not destroy it again
    while (!list_is_empty(&net->remotes)) {
        remote_free(LIST_FIRST(&net->remotes, struct remote, in_net));
    }
    while (!list_is_empty(&net->dead_remotes)) {
        struct remote *remote = LIST_FIRST(&net->dead_remotes, struct remote, in_net);
        struct connection *connection;

        LIST_FOREACH (connection, &remote->connections, in_remote) {
            connection_die(connection, LOG_LEVEL_DBG, "shutting down");
        }
        while (!list_is_empty(&net->dead_connections)) {
            reap_connection(net);
        }
        remote_reap(remote);
    }
    assert(!net->n_connections && !net->backlog);
    sd_event_source_disable_unref(net->epoll_source);
    sd_event_source_disable_unref(net->work_source);
    sd_event_source_disable_unref(net->timer_source);
    close(net->epoll_fd);
    handshake_done(net);
    net_close_offered(net);
    timers_done(&net->timers);
    tls_config_unref(net->tls);
    free(net->read_buffer);
    htable_done(&net->users);
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
        net_destroy(net);
    }
}

struct failure *net_set_tls(struct net *net, const struct tls_options *options)
{
    return tls_config_set(net->tls, options);
}

void net_share_tls(struct net *net, struct net *other)
{
    struct tls_config *tls = tls_config_ref(other->tls);

    tls_config_unref(net->tls);
    net->tls = tls;
}

void net_reload_tls(struct net *net)
{
    tls_config_reload(net->tls);
}

void *net_userdata(const struct net *net)
{
    return net->userdata;
}

sd_event *net_event(const struct net *net)
{
    return net->event;
}

void net_set_userdata(struct net *net, void *userdata)
{
    net->userdata = userdata;
}

size_t net_n_connections(const struct net *net)
{
    return net->n_connections;
}

uint64_t net_n_changes(const struct net *net)
{
    return net->n_changes;
}

void net_usage(const struct net *net, struct net_usage *ret)
{
    struct remote *remote;

    *ret = (struct net_usage){0};
    LIST_FOREACH (remote, &net->remotes, in_net) {
        size_t *n = remote->is_unix ? &ret->n_unix : remote->is_tls ? &ret->n_tls : &ret->n_tcp;

        *n += remote->n_connections;
    }
}

void net_set_limits(struct net *net, const struct net_limits *limits)
{
    assert(limits->max_connections && limits->max_per_remote && limits->max_per_user);
    assert(limits->max_accept_rate && limits->max_message && limits->max_handshakes);
    net->limits = *limits;
}

void net_taken(const struct net *net, struct net_limits *ret)
{
    struct remote *remote;

    *ret = (struct net_limits){
        .max_connections = net->n_connections,
        .max_per_user = admission_most_of_user(net),
        .max_handshakes = net->n_handshakes,
    };
    LIST_FOREACH (remote, &net->remotes, in_net) {
        if (remote->n_connections > ret->max_per_remote) {
            ret->max_per_remote = remote->n_connections;
        }
    }
}

size_t net_backlog(const struct net *net)
{
    return net->backlog;
}

void net_reconnect(struct net *net)
{
    struct remote *remote;

    LIST_FOREACH (remote, &net->remotes, in_net) {
        remote_reconnect(remote, "reconnect requested");
    }
}

// Writes what the kernel accepts. Stores in *waits the sockets of the connections that have more to
// send, and returns how many.
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
