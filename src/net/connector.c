// SPDX-License-Identifier: Apache-2.0
// Connections that this side makes, and makes again when they end.
//
//     BACKOFF --time--> RESOLVING --addresses--> CONNECTING --an endpoint answers--> ACTIVE
//                                                         (with TLS: and shakes hands)
//        ^                  |                        |                                  |
//        +--- failed -------+------ none answers ----+----------- it ends --------------+
//
// The first dial is at once. A failure waits 1 s, then twice as long each time, up to max_backoff.
// A connection that lasted longer than the last wait puts it back to 1 s. With no_retry, and for a
// connected socket that was passed, a failure or an end leads to VOID instead.
#include "net/internal.h"

#include "basic/messages.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>

LOG_MODULE(net);

static const char *const state_names[CONNECTOR_N_STATES] = {
    [CONNECTOR_VOID] = "void",           [CONNECTOR_BACKOFF] = "back-off",
    [CONNECTOR_RESOLVING] = "resolving", [CONNECTOR_CONNECTING] = "connecting",
    [CONNECTOR_ACTIVE] = "active",
};

#define TO(state) (1u << CONNECTOR_##state)

static const unsigned allowed_moves[CONNECTOR_N_STATES] = {
    [CONNECTOR_VOID] = TO(BACKOFF),
    [CONNECTOR_BACKOFF] = TO(RESOLVING) | TO(CONNECTING) | TO(VOID),
    [CONNECTOR_RESOLVING] = TO(CONNECTING) | TO(BACKOFF) | TO(VOID),
    [CONNECTOR_CONNECTING] = TO(ACTIVE) | TO(BACKOFF) | TO(VOID),
    [CONNECTOR_ACTIVE] = TO(BACKOFF) | TO(VOID),
};

static void set_state(struct remote *remote, enum connector_state state)
{
    struct connector *connector = &remote->connector;

    if (connector->state == state) {
        return;
    }
    assert(allowed_moves[connector->state] & 1u << state);
    log_dbg("%s: %s -> %s", remote->target, state_names[connector->state], state_names[state]);
    connector->state = state;
    remote->net->n_changes++;
}

static void drop_attempt(struct remote *remote)
{
    struct connector *connector = &remote->connector;

    handshake_free_all(remote);
    resolution_free(connector->resolution);
    connector->resolution = NULL;
    connector->source = sd_event_source_disable_unref(connector->source);
    if (connector->fd >= 0) {
        close(connector->fd);
        connector->fd = -1;
    }
}

static void forget_endpoints(struct connector *connector)
{
    free(connector->endpoints);
    connector->endpoints = NULL;
    connector->n_endpoints = connector->next_endpoint = 0;
}

static uint64_t max_backoff_ms(const struct remote *remote)
{
    return remote->options.max_backoff_ms ? remote->options.max_backoff_ms : NET_BACKOFF_MAX_MS;
}

// Waits 1 s, or twice what was waited last.
static void back_off(struct remote *remote)
{
    struct connector *connector = &remote->connector;
    uint64_t max = max_backoff_ms(remote);
    uint64_t last = connector->backoff_ms;

    connector->backoff_ms = MIN(max, last ? last * 2 : (uint64_t)NET_BACKOFF_MIN_MS);
    set_state(remote, CONNECTOR_BACKOFF);
    net_set_timer(remote->net, &remote->timer,
                  net_now(remote->net) + connector->backoff_ms * USEC_PER_MSEC);
    if (connector->backoff_ms != last) {
        log_info("%s: dialling again in %g seconds%s", remote->target,
                 (double)connector->backoff_ms / 1000,
                 connector->backoff_ms == max ? "; further attempts are not logged" : "");
    }
}

// Failures are news until they come at the longest interval.
static enum log_level news_level(const struct remote *remote)
{
    return remote->connector.backoff_ms < max_backoff_ms(remote) ? LOG_LEVEL_INFO : LOG_LEVEL_DBG;
}

// That a server is not whom it should be is worth a look at once; a program that gives up says so.
static void tell_failure(const struct remote *remote, const char *error, bool is_refusal)
{
    enum log_level level = news_level(remote);
    bool is_grave = is_refusal && level == LOG_LEVEL_INFO && !remote->options.no_retry;

    log_event(is_grave ? LOG_LEVEL_WARN : level, is_grave ? MSG_TLS_REFUSED : NULL,
              LOG_FIELDS({"OVSDB_REMOTE", remote->target}, {"OVSDB_SESSION", remote->target}),
              "%s: cannot connect: %s", remote->target, error);
}

static void give_up(struct remote *remote, const char *error, bool is_refusal)
{
    struct net *net = remote->net;

    drop_attempt(remote);
    forget_endpoints(&remote->connector);
    net_clear_timer(net, &remote->timer);
    remote_set_error(remote, error);
    tell_failure(remote, error, is_refusal);
    if (!remote->options.no_retry && remote->kind == REMOTE_CONNECTOR) {
        back_off(remote);
        return;
    }
    set_state(remote, CONNECTOR_VOID);
    if (net->handler.gave_up) {
        net->handler.gave_up(remote, error);
    }
}

static void dial_failed(struct remote *remote, const char *error)
{
    give_up(remote, error, false);
}

void connector_succeed(struct remote *remote, const struct stream *stream, char *name)
{
    struct net *net = remote->net;
    struct connection *connection = connection_new(remote, stream, name);

    if (!connection) {
        dial_failed(remote, "cannot watch the connection");
        return;
    }
    set_state(remote, CONNECTOR_ACTIVE);
    log_info("%s: connected", remote->target);
    net->handler.opened(connection);
}

bool connector_continue(struct remote *remote)
{
    if (remote->connector.state != CONNECTOR_BACKOFF) {
        return false;
    }
    net_clear_timer(remote->net, &remote->timer);
    set_state(remote, CONNECTOR_CONNECTING);
    set_state(remote, CONNECTOR_ACTIVE);
    return true;
}

void connector_refused(struct remote *remote, const char *reason, bool at_once)
{
    if (at_once) {
        log_info("%s: %s", remote->target, reason);
        connector_start(remote);
    } else {
        give_up(remote, reason, true);
    }
}

// An endpoint has answered.
static void connected(struct remote *remote, int fd)
{
    char *name = xstrdup(remote->target);
    struct stream stream;

    net_clear_timer(remote->net, &remote->timer);
    forget_endpoints(&remote->connector);
    if (remote->is_tls) {
        handshake_start(remote, fd, name);
    } else {
        stream_init_plain(&stream, fd);
        connector_succeed(remote, &stream, name);
    }
}

static int on_connect(sd_event_source *source, int fd, uint32_t events, void *userdata);

// Dials one endpoint. 0: connected or on the way; else negative errno.
static int dial_endpoint(struct remote *remote, const struct endpoint *endpoint)
{
    struct connector *connector = &remote->connector;
    struct net *net = remote->net;
    _cleanup_close_ int fd =
        socket(endpoint->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0) {
        return -errno;
    }
    remote_configure_socket(remote, fd);
    if (connect(fd, &endpoint->sa, endpoint->size) == 0) {
        connected(remote, TAKE_FD(fd));
        return 0;
    }
    if (errno != EINPROGRESS) {
        return -errno;
    }
    r = sd_event_add_io(net->event, &connector->source, fd, EPOLLOUT, on_connect, remote);
    if (r < 0) {
        return r;
    }
    sd_event_source_set_priority(connector->source, SD_EVENT_PRIORITY_NORMAL);
    sd_event_source_set_description(connector->source, remote->target);
    connector->fd = TAKE_FD(fd);
    net_set_timer(net, &remote->timer, net_now(net) + net->connect_usec);
    return 0;
}

// Dials the endpoints from the next one on, until one does not fail at once.
static void dial_next(struct remote *remote, int error)
{
    struct connector *connector = &remote->connector;

    drop_attempt(remote);
    while (connector->next_endpoint < connector->n_endpoints) {
        struct endpoint endpoint = connector->endpoints[connector->next_endpoint++];
        int r = dial_endpoint(remote, &endpoint);

        if (!r) {
            return;
        }
        error = -r;
    }
    dial_failed(remote, strerror(error));
}

static int on_connect(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct remote *remote = userdata;
    struct connector *connector = &remote->connector;
    struct net *net = remote->net;
    int error = 0;
    socklen_t size = sizeof(error);

    net_enter(net);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
        error = errno;
    }
    if (error) {
        dial_next(remote, error);
    } else {
        connector->source = sd_event_source_disable_unref(connector->source);
        connected(remote, TAKE_FD(connector->fd));
    }
    net_leave(net);
    return 0;
}

static void on_resolved(void *userdata, const char *error, const struct endpoint *endpoints,
                        size_t n_endpoints)
{
    struct remote *remote = userdata;
    struct connector *connector = &remote->connector;
    struct net *net = remote->net;

    net_enter(net);
    if (error) {
        dial_failed(remote, error);
    } else {
        set_state(remote, CONNECTOR_CONNECTING);
        connector->endpoints = xmemdup(endpoints, n_endpoints * sizeof(*endpoints));
        connector->n_endpoints = n_endpoints;
        connector->next_endpoint = 0;
        dial_next(remote, EADDRNOTAVAIL);
    }
    net_leave(net);
}

static void dial_unix(struct remote *remote)
{
    _cleanup_close_ int folder_fd = -1;
    struct endpoint endpoint;
    int r = address_unix_endpoint(remote->address.path, &endpoint, &folder_fd);

    if (r >= 0) {
        r = dial_endpoint(remote, &endpoint);
    }
    if (r < 0) {
        dial_failed(remote, strerror(-r));
    }
}

static void dial(struct remote *remote)
{
    struct connector *connector = &remote->connector;
    struct endpoint endpoint;
    int r;

    if (remote->is_tls && tls_config_fault(remote->net->tls)) {
        dial_failed(remote, tls_config_fault(remote->net->tls));
        return;
    }
    log_at(news_level(remote), "%s: connecting", remote->target);
    if (remote->is_unix) {
        set_state(remote, CONNECTOR_CONNECTING);
        dial_unix(remote);
    } else if (address_endpoint(&remote->address, &endpoint)) {
        set_state(remote, CONNECTOR_CONNECTING);
        r = dial_endpoint(remote, &endpoint);
        if (r < 0) {
            dial_failed(remote, strerror(-r));
        }
    } else {
        set_state(remote, CONNECTOR_RESOLVING);
        r = resolver_ask(remote->net->event, remote->address.host, remote->address.port,
                         on_resolved, remote, &connector->resolution);
        if (r < 0) {
            dial_failed(remote, strerror(-r));
        }
    }
}

void connector_start(struct remote *remote)
{
    set_state(remote, CONNECTOR_BACKOFF);
    net_set_timer(remote->net, &remote->timer, net_now(remote->net));
}

void connector_adopt(struct remote *remote, int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    remote_configure_socket(remote, fd);
    remote->connector.fd = fd;
    connector_start(remote);
}

void connector_stop(struct remote *remote)
{
    drop_attempt(remote);
    forget_endpoints(&remote->connector);
    set_state(remote, CONNECTOR_VOID);
}

void connector_redial(struct remote *remote)
{
    struct connector *connector = &remote->connector;

    if (connector->state == CONNECTOR_ACTIVE) {
        connector->dials_at_once = true;
    } else if (connector->state == CONNECTOR_BACKOFF) {
        connector->backoff_ms = 0;
        net_set_timer(remote->net, &remote->timer, net_now(remote->net));
    }
}

void connector_timer(struct remote *remote, usec_t now)
{
    struct connector *connector = &remote->connector;

    if (connector->state == CONNECTOR_CONNECTING) {
        dial_next(remote, ETIMEDOUT);
    } else if (remote->kind == REMOTE_ADOPTED) {
        set_state(remote, CONNECTOR_CONNECTING);
        connected(remote, TAKE_FD(connector->fd));
    } else {
        dial(remote);
    }
}

void connector_lost(struct remote *remote, usec_t now)
{
    struct connector *connector = &remote->connector;
    usec_t lasted = now - remote->last_connected;

    if (remote->kind == REMOTE_ADOPTED || remote->options.no_retry) {
        set_state(remote, CONNECTOR_VOID);
        return;
    }
    if (connector->dials_at_once) {
        connector->dials_at_once = false;
        connector->backoff_ms = 0;
        connector_start(remote);
        return;
    }
    if (lasted >= connector->backoff_ms * USEC_PER_MSEC) {
        connector->backoff_ms = 0;
    }
    back_off(remote);
}

const char *connector_state_name(const struct remote *remote)
{
    switch (remote->connector.state) {
    case CONNECTOR_VOID:
        return "VOID";
    case CONNECTOR_BACKOFF:
        return "BACKOFF";
    case CONNECTOR_RESOLVING:
    case CONNECTOR_CONNECTING:
        return "CONNECTING";
    default:
        return remote_connected_state(remote);
    }
}
