// SPDX-License-Identifier: Apache-2.0
// TLS handshakes on sockets that are connected. At the end the listener or the connector gets the
// socket as a stream; or the socket is closed, and a connector gets the reason.
//
// Fairness: a step of a handshake takes milliseconds of cryptography. Therefore the sockets are in
// two epoll sets of their own, each of which is one source of the loop and does one step in a turn.
// However many peers connect at the same time, the loop serves the established connections between
// two steps. Handshakes that have made their first step are in the second set, so that they can
// finish while others wait for their first step.
//
// Limits: a handshake must finish in time, and if too many are in progress the oldest, which has
// stalled, is ended.
#include "net/connector.h"
#include "net/internal.h"
#include "net/listener.h"

#include "basic/counter.h"
#include "basic/messages.h"
#include "net/tls/tls.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

LOG_MODULE(net);
COUNTER(handshakes_cut, "TLS handshakes ended because too many were in progress");

struct handshake {
    struct remote *remote;
    struct list in_remote;
    struct list in_net;
    struct tls *tls; // NULL: it could not begin, or the stream has taken it over
    int fd;          // -1: the stream has taken it over
    struct handshake_set *set;
    uint32_t events; // epoll events waited for; 0: the socket is not in the set
    char *name;
    struct timer timer;
};

static int handshake_watch(struct handshake *handshake, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = handshake};
    int op = !handshake->events ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

    if (events == handshake->events) {
        return 0;
    }
    handshake->events = events;
    return epoll_ctl(handshake->set->epoll_fd, op, handshake->fd, &event) < 0 ? -errno : 0;
}

static void handshake_move(struct handshake *handshake, struct handshake_set *set)
{
    if (handshake->set != set) {
        handshake_watch(handshake, 0);
        handshake->set = set;
    }
}

static void handshake_free(struct handshake *handshake)
{
    struct net *net = handshake->remote->net;

    handshake_watch(handshake, 0);
    list_remove(&handshake->in_remote);
    list_remove(&handshake->in_net);
    assert(net->n_handshakes);
    net->n_handshakes--;
    net_clear_timer(net, &handshake->timer);
    tls_free(handshake->tls);
    if (handshake->fd >= 0) {
        struct stream stream = {.fd = handshake->fd};

        stream_close_socket(&stream);
    }
    free(handshake->name);
    free(handshake);
}

void handshake_free_all(struct remote *remote)
{
    while (!list_is_empty(&remote->handshakes)) {
        handshake_free(LIST_FIRST(&remote->handshakes, struct handshake, in_remote));
    }
}

static void handshake_fail(struct handshake *handshake, enum log_level level, const char *reason)
{
    static struct log_limit limit = LOG_LIMIT_INIT(60, 20);
    struct remote *remote = handshake->remote;
    bool has_bootstrapped = handshake->tls && tls_has_bootstrapped(handshake->tls);
    _cleanup_free_ char *text = xasprintf("TLS: %s", reason);

    if (remote->kind == REMOTE_LISTENER) {
        log_event_limited(
            &limit, level, MSG_TLS_REFUSED,
            LOG_FIELDS({"OVSDB_REMOTE", remote->target}, {"OVSDB_SESSION", handshake->name}),
            "%s: %s", handshake->name, text);
        remote_set_error(remote, text);
    }
    handshake_free(handshake);
    if (has_bootstrapped) {
        net_reload_tls(remote->net);
    }
    if (remote->kind == REMOTE_CONNECTOR) {
        connector_refused(remote->connector, text, has_bootstrapped);
    }
}

static void handshake_succeed(struct handshake *handshake)
{
    struct remote *remote = handshake->remote;
    _cleanup_free_ char *description = tls_description(handshake->tls);
    const char *cn = tls_peer(handshake->tls)->cn;
    char *name = TAKE_PTR(handshake->name);
    struct stream stream;

    handshake_watch(handshake, 0);
    log_dbg("%s: TLS: %s, the peer is %s", name, description, cn ? cn : "unknown");
    stream_init_tls(&stream, TAKE_FD(handshake->fd), TAKE_PTR(handshake->tls));
    handshake_free(handshake);
    if (remote->kind == REMOTE_LISTENER) {
        listener_welcome(remote->listener, &stream, name);
    } else {
        connector_succeed(remote->connector, &stream, name);
    }
}

static void handshake_step(struct handshake *handshake)
{
    uint32_t events = 0;
    int r = tls_handshake(handshake->tls, &events);

    if (!r) {
        handshake_succeed(handshake);
        return;
    }
    if (r != -EAGAIN) {
        // A peer that closed without sending a byte only checked whether the port is open.
        handshake_fail(handshake, r == -ECONNRESET ? LOG_LEVEL_DBG : LOG_LEVEL_WARN,
                       tls_reason(handshake->tls));
        return;
    }
    handshake_move(handshake, &handshake->remote->net->handshakes_begun);
    r = handshake_watch(handshake, events);
    if (r < 0) {
        handshake_fail(handshake, LOG_LEVEL_ERR, strerror(-r));
    }
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct net *net = userdata;
    struct epoll_event event;

    net_enter(net);
    if (epoll_wait(fd, &event, 1, 0) == 1) {
        handshake_step(event.data.ptr);
    }
    net_leave(net);
    return 0;
}

static void on_handshake_timer(struct timer *timer, usec_t now)
{
    struct handshake *handshake = CONTAINER_OF(timer, struct handshake, timer);
    _cleanup_free_ char *reason =
        xasprintf("the handshake took longer than %g seconds",
                  (double)handshake->remote->net->handshake_usec / USEC_PER_SEC);

    handshake_fail(handshake, LOG_LEVEL_WARN, reason);
}

static void set_init(struct net *net, struct handshake_set *set, const char *description)
{
    set->epoll_fd = net_add_epoll(net, &set->source, on_ready, description);
}

static void set_done(struct handshake_set *set)
{
    sd_event_source_disable_unref(set->source);
    close(set->epoll_fd);
}

void handshake_init(struct net *net)
{
    list_init(&net->handshakes);
    set_init(net, &net->handshakes_new, "new TLS handshakes");
    set_init(net, &net->handshakes_begun, "TLS handshakes");
}

void handshake_done(struct net *net)
{
    assert(list_is_empty(&net->handshakes) && !net->n_handshakes);
    set_done(&net->handshakes_new);
    set_done(&net->handshakes_begun);
}

static void end_oldest_handshake(struct net *net)
{
    if (net->n_handshakes >= net->limits.max_handshakes) {
        COUNT(handshakes_cut);
        handshake_fail(LIST_FIRST(&net->handshakes, struct handshake, in_net), LOG_LEVEL_WARN,
                       "too many handshakes are in progress, and this is the oldest");
    }
}

void handshake_start(struct remote *remote, int fd, char *name)
{
    struct net *net = remote->net;
    struct handshake *handshake;
    bool is_server = remote->kind == REMOTE_LISTENER;
    int r;

    assert(remote->is_tls && fd >= 0);
    end_oldest_handshake(net);
    handshake = NEW(struct handshake);
    handshake->remote = remote;
    handshake->set = &net->handshakes_new;
    handshake->fd = fd;
    handshake->name = name;
    handshake->timer.expired = on_handshake_timer;
    list_push_back(&remote->handshakes, &handshake->in_remote);
    list_push_back(&net->handshakes, &handshake->in_net);
    net->n_handshakes++;
    if (tls_config_lacks(net->tls)) {
        handshake_fail(handshake, LOG_LEVEL_WARN,
                       tls_config_fault(net->tls) ? tls_config_fault(net->tls)
                                                  : "it is not configured");
        return;
    }
    handshake->tls = tls_new(tls_config_get(net->tls, net_now(net)), fd, is_server,
                             address_is_name(&remote->address) ? remote->address.host : NULL);
    r = handshake_watch(handshake, is_server ? EPOLLIN : EPOLLOUT);
    if (r < 0) {
        handshake_fail(handshake, LOG_LEVEL_ERR, strerror(-r));
        return;
    }
    net_set_timer(net, &handshake->timer, net_now(net) + net->handshake_usec);
}
