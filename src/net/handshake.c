// SPDX-License-Identifier: Apache-2.0
// Connections that are not there yet: a socket is connected, its TLS handshake is under way. Each
// has a source on the loop of its own and a time by which it must be done. In the end the socket
// goes to the listener or the connector as a stream, or it is closed and they hear why.
#include "net/internal.h"

#include "basic/messages.h"
#include "net/tls.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

LOG_MODULE(net);

struct handshake {
    struct remote *remote;
    struct list in_remote;
    struct tls *tls; // NULL: it could not be begun
    int fd;
    char *name;
    sd_event_source *source;
    struct timer timer;
};

static void handshake_free(struct handshake *handshake)
{
    list_remove(&handshake->in_remote);
    net_clear_timer(handshake->remote->net, &handshake->timer);
    sd_event_source_disable_unref(handshake->source);
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

static void fail(struct handshake *handshake, enum log_level level, const char *reason)
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
        connector_refused(remote, text, has_bootstrapped);
    }
}

static void succeed(struct handshake *handshake)
{
    struct remote *remote = handshake->remote;
    _cleanup_free_ char *description = tls_description(handshake->tls);
    const char *cn = tls_peer(handshake->tls)->cn;
    char *name = TAKE_PTR(handshake->name);
    struct stream stream;

    log_dbg("%s: TLS: %s, the peer is %s", name, description, cn ? cn : "unknown");
    stream_init_tls(&stream, TAKE_FD(handshake->fd), TAKE_PTR(handshake->tls));
    handshake_free(handshake);
    if (remote->kind == REMOTE_LISTENER) {
        listener_welcome(remote, &stream, name);
    } else {
        connector_succeed(remote, &stream, name);
    }
}

static int on_handshake(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct handshake *handshake = userdata;
    struct net *net = handshake->remote->net;
    uint32_t events = 0;
    int r;

    net_enter(net);
    r = tls_handshake(handshake->tls, &events);
    if (!r) {
        succeed(handshake);
    } else if (r == -EAGAIN) {
        sd_event_source_set_io_events(source, events);
    } else {
        // Somebody who only looks whether the port is open is no news.
        fail(handshake, r == -ECONNRESET ? LOG_LEVEL_DBG : LOG_LEVEL_WARN,
             tls_reason(handshake->tls));
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

    fail(handshake, LOG_LEVEL_WARN, reason);
}

void handshake_start(struct remote *remote, int fd, char *name)
{
    struct net *net = remote->net;
    struct handshake *handshake = NEW(struct handshake);
    bool is_server = remote->kind == REMOTE_LISTENER;
    int r;

    handshake->remote = remote;
    handshake->fd = fd;
    handshake->name = name;
    handshake->timer.expired = on_handshake_timer;
    list_push_back(&remote->handshakes, &handshake->in_remote);
    if (tls_config_lacks(net->tls)) {
        fail(handshake, LOG_LEVEL_WARN, "it is not configured any more");
        return;
    }
    handshake->tls = tls_new(tls_config_get(net->tls, net_now(net)), fd, is_server,
                             address_is_name(&remote->address) ? remote->address.host : NULL);
    r = sd_event_add_io(net->event, &handshake->source, fd, is_server ? EPOLLIN : EPOLLOUT,
                        on_handshake, handshake);
    if (r < 0) {
        fail(handshake, LOG_LEVEL_ERR, strerror(-r));
        return;
    }
    sd_event_source_set_priority(handshake->source, SD_EVENT_PRIORITY_NORMAL);
    sd_event_source_set_description(handshake->source, "TLS handshake");
    net_set_timer(net, &handshake->timer, net_now(net) + net->handshake_usec);
}
