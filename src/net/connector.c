// SPDX-License-Identifier: Apache-2.0
// Connections that this side makes, and makes again when they end.
//
//     BACKOFF --wait is over--> RESOLVING --addresses--> CONNECTING --connected--> ACTIVE
//        ^                         |                         |                       |
//        |                         | no address              | no endpoint answers   | it ends
//        +-------------------------+-------------------------+-----------------------+
//
// RESOLVING is skipped if the address has no host name. CONNECTING tries one endpoint after another
// and includes the TLS handshake. The first dial is without a wait; for the waits see backoff.h.
// With `no_retry`, and for an adopted socket, a failure or an end leads to VOID instead of BACKOFF.
#include "net/connector.h"

#include "net/internal.h"

#include "basic/messages.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>

LOG_MODULE(net);

static const char *const state_names[] = {
    [CONNECTOR_VOID] = "void",           [CONNECTOR_BACKOFF] = "back-off",
    [CONNECTOR_RESOLVING] = "resolving", [CONNECTOR_CONNECTING] = "connecting",
    [CONNECTOR_ACTIVE] = "active",
};

#define TO(state) (1u << CONNECTOR_##state)

static const unsigned allowed_moves[] = {
    [CONNECTOR_VOID] = TO(BACKOFF),
    [CONNECTOR_BACKOFF] = TO(RESOLVING) | TO(CONNECTING) | TO(VOID),
    [CONNECTOR_RESOLVING] = TO(CONNECTING) | TO(BACKOFF) | TO(VOID),
    [CONNECTOR_CONNECTING] = TO(ACTIVE) | TO(BACKOFF) | TO(VOID),
    [CONNECTOR_ACTIVE] = TO(BACKOFF) | TO(VOID),
};

static_assert(ARRAY_SIZE(state_names) == CONNECTOR_N_STATES, "every state has a name");
static_assert(ARRAY_SIZE(allowed_moves) == CONNECTOR_N_STATES, "every state has its moves");

static void connector_set_state(struct connector *connector, enum connector_state state)
{
    if (connector->state == state) {
        return;
    }
    assert(allowed_moves[connector->state] & 1u << state);
    log_dbg("%s: %s -> %s", connector->remote->target, state_names[connector->state],
            state_names[state]);
    connector->state = state;
    connector->remote->net->n_changes++;
}

static void drop_attempt(struct connector *connector)
{
    handshake_free_all(connector->remote);
    resolution_free(connector->resolution);
    connector->resolution = NULL;
    connector->source = sd_event_source_disable_unref(connector->source);
    if (connector->fd >= 0) {
        close(TAKE_FD(connector->fd));
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

static void back_off(struct connector *connector)
{
    struct net *net = connector->remote->net;
    uint64_t max = max_backoff_ms(connector->remote);
    uint64_t last = connector->backoff.last_ms;
    uint64_t wait = backoff_next(&connector->backoff, max);

    connector_set_state(connector, CONNECTOR_BACKOFF);
    net_set_timer(net, &connector->timer, net_now(net) + wait * USEC_PER_MSEC);
    if (wait != last) {
        log_info("%s: dialing again in %g seconds%s", connector->remote->target,
                 (double)wait / 1000, wait == max ? "; further attempts are not logged" : "");
    }
}

// The log level for attempts and their failures: debug once the waits have reached their maximum,
// as what is logged then would be the same again and again.
static enum log_level attempt_level(const struct connector *connector)
{
    return backoff_is_at_maximum(&connector->backoff, max_backoff_ms(connector->remote))
               ? LOG_LEVEL_DBG
               : LOG_LEVEL_INFO;
}

// A failed TLS handshake is a warning, as the server may not be the one it should be. With
// `no_retry` the program itself reports it.
static void log_failure(const struct connector *connector, const char *error, bool is_refusal)
{
    const struct remote *remote = connector->remote;
    enum log_level level = attempt_level(connector);
    bool is_grave = is_refusal && level == LOG_LEVEL_INFO && !remote->options.no_retry;

    log_event(is_grave ? LOG_LEVEL_WARN : level, is_grave ? MSG_TLS_REFUSED : NULL,
              LOG_FIELDS({"OVSDB_REMOTE", remote->target}, {"OVSDB_SESSION", remote->target}),
              "%s: cannot connect: %s", remote->target, error);
}

static void end_attempt(struct connector *connector, const char *error, bool is_refusal)
{
    struct remote *remote = connector->remote;
    struct net *net = remote->net;

    drop_attempt(connector);
    forget_endpoints(connector);
    net_clear_timer(net, &connector->timer);
    remote_set_error(remote, error);
    log_failure(connector, error, is_refusal);
    if (!remote->options.no_retry && remote->kind == REMOTE_CONNECTOR) {
        back_off(connector);
        return;
    }
    connector_set_state(connector, CONNECTOR_VOID);
    if (net->handler.gave_up) {
        net->handler.gave_up(remote, error);
    }
}

static void dial_failed(struct connector *connector, const char *error)
{
    end_attempt(connector, error, false);
}

void connector_succeed(struct connector *connector, const struct stream *stream, char *name)
{
    struct remote *remote = connector->remote;
    struct connection *connection = connection_new(remote, stream, name);

    if (!connection) {
        dial_failed(connector, "cannot watch the connection");
        return;
    }
    connector_set_state(connector, CONNECTOR_ACTIVE);
    log_at(remote->options.is_quiet ? LOG_LEVEL_DBG : LOG_LEVEL_INFO, "%s: connected",
           remote->target);
    remote->net->handler.opened(connection);
}

bool connector_continue(struct connector *connector)
{
    if (connector->state != CONNECTOR_BACKOFF) {
        return false;
    }
    net_clear_timer(connector->remote->net, &connector->timer);
    connector_set_state(connector, CONNECTOR_CONNECTING);
    connector_set_state(connector, CONNECTOR_ACTIVE);
    return true;
}

void connector_refused(struct connector *connector, const char *reason, bool at_once)
{
    if (at_once) {
        log_info("%s: %s", connector->remote->target, reason);
        connector_start(connector);
    } else {
        end_attempt(connector, reason, true);
    }
}

// The socket `fd` is connected.
static void endpoint_connected(struct connector *connector, int fd)
{
    struct remote *remote = connector->remote;
    char *name = xstrdup(remote->target);
    struct stream stream;

    assert(connector->state == CONNECTOR_CONNECTING);
    net_clear_timer(remote->net, &connector->timer);
    forget_endpoints(connector);
    if (remote->is_tls) {
        handshake_start(remote, fd, name);
    } else {
        stream_init_plain(&stream, fd);
        connector_succeed(connector, &stream, name);
    }
}

static int on_connect(sd_event_source *source, int fd, uint32_t events, void *userdata);

// Dials one endpoint. Returns 0 if it is connected or being connected, otherwise negative errno.
static int dial_endpoint(struct connector *connector, const struct endpoint *endpoint)
{
    struct remote *remote = connector->remote;
    struct net *net = remote->net;
    _cleanup_close_ int fd =
        socket(endpoint->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r;

    assert(connector->fd < 0 && !connector->source);
    if (fd < 0) {
        return -errno;
    }
    remote_configure_socket(remote, fd);
    if (connect(fd, &endpoint->sa, endpoint->size) == 0) {
        endpoint_connected(connector, TAKE_FD(fd));
        return 0;
    }
    if (errno != EINPROGRESS) {
        return -errno;
    }
    r = sd_event_add_io(net->event, &connector->source, fd, EPOLLOUT, on_connect, connector);
    if (r < 0) {
        return r;
    }
    sd_event_source_set_priority(connector->source, SD_EVENT_PRIORITY_NORMAL);
    sd_event_source_set_description(connector->source, remote->target);
    connector->fd = TAKE_FD(fd);
    net_set_timer(net, &connector->timer, net_now(net) + net->connect_usec);
    return 0;
}

// Dials the remaining endpoints until one does not fail immediately. `error` is the errno of the
// previous one.
static void dial_next(struct connector *connector, int error)
{
    drop_attempt(connector);
    while (connector->next_endpoint < connector->n_endpoints) {
        struct endpoint endpoint = connector->endpoints[connector->next_endpoint++];
        int r = dial_endpoint(connector, &endpoint);

        if (!r) {
            return;
        }
        error = -r;
    }
    dial_failed(connector, strerror(error));
}

static int on_connect(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct connector *connector = userdata;
    struct net *net = connector->remote->net;
    int error = 0;
    socklen_t size = sizeof(error);

    net_enter(net);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
        error = errno;
    }
    if (error) {
        dial_next(connector, error);
    } else {
        connector->source = sd_event_source_disable_unref(connector->source);
        endpoint_connected(connector, TAKE_FD(connector->fd));
    }
    net_leave(net);
    return 0;
}

static void on_resolved(void *userdata, const char *error, const struct endpoint *endpoints,
                        size_t n_endpoints)
{
    struct connector *connector = userdata;
    struct net *net = connector->remote->net;

    net_enter(net);
    if (error) {
        dial_failed(connector, error);
    } else {
        connector_set_state(connector, CONNECTOR_CONNECTING);
        connector->endpoints = xmemdup(endpoints, n_endpoints * sizeof(*endpoints));
        connector->n_endpoints = n_endpoints;
        connector->next_endpoint = 0;
        dial_next(connector, EADDRNOTAVAIL);
    }
    net_leave(net);
}

static int dial_unix(struct connector *connector)
{
    _cleanup_close_ int folder_fd = -1;
    struct endpoint endpoint;
    int r = address_unix_endpoint(connector->remote->address.path, &endpoint, &folder_fd);

    return r < 0 ? r : dial_endpoint(connector, &endpoint);
}

static void connector_dial(struct connector *connector)
{
    const struct remote *remote = connector->remote;
    struct endpoint endpoint;
    int r;

    if (remote->is_tls && tls_config_fault(remote->net->tls)) {
        dial_failed(connector, tls_config_fault(remote->net->tls));
        return;
    }
    log_at(attempt_level(connector), "%s: connecting", remote->target);
    if (remote->is_unix) {
        connector_set_state(connector, CONNECTOR_CONNECTING);
        r = dial_unix(connector);
    } else if (address_endpoint(&remote->address, &endpoint)) {
        connector_set_state(connector, CONNECTOR_CONNECTING);
        r = dial_endpoint(connector, &endpoint);
    } else {
        connector_set_state(connector, CONNECTOR_RESOLVING);
        r = resolver_ask(remote->net->event, remote->address.host, remote->address.port,
                         on_resolved, connector, &connector->resolution);
    }
    if (r < 0) {
        dial_failed(connector, strerror(-r));
    }
}

void connector_start(struct connector *connector)
{
    struct net *net = connector->remote->net;

    connector_set_state(connector, CONNECTOR_BACKOFF);
    net_set_timer(net, &connector->timer, net_now(net));
}

void connector_adopt(struct connector *connector, int fd)
{
    assert(connector->remote->kind == REMOTE_ADOPTED && connector->fd < 0);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    remote_configure_socket(connector->remote, fd);
    connector->fd = fd;
    connector_start(connector);
}

void connector_stop(struct connector *connector)
{
    drop_attempt(connector);
    forget_endpoints(connector);
    net_clear_timer(connector->remote->net, &connector->timer);
    connector_set_state(connector, CONNECTOR_VOID);
}

void connector_redial(struct connector *connector)
{
    struct net *net = connector->remote->net;

    if (connector->state == CONNECTOR_ACTIVE) {
        connector->dials_at_once = true;
    } else if (connector->state == CONNECTOR_BACKOFF) {
        backoff_reset(&connector->backoff);
        net_set_timer(net, &connector->timer, net_now(net));
    }
}

static void on_connector_timer(struct timer *timer, usec_t now)
{
    struct connector *connector = CONTAINER_OF(timer, struct connector, timer);

    if (connector->state == CONNECTOR_CONNECTING) {
        dial_next(connector, ETIMEDOUT);
        return;
    }
    assert(connector->state == CONNECTOR_BACKOFF);
    if (connector->remote->kind == REMOTE_ADOPTED) {
        connector_set_state(connector, CONNECTOR_CONNECTING);
        endpoint_connected(connector, TAKE_FD(connector->fd));
    } else {
        connector_dial(connector);
    }
}

struct connector *connector_new(struct remote *remote)
{
    struct connector *connector = NEW(struct connector);

    connector->remote = remote;
    connector->fd = -1;
    connector->timer.expired = on_connector_timer;
    return connector;
}

void connector_free(struct connector *connector)
{
    if (connector) {
        assert(connector->state == CONNECTOR_VOID && connector->fd < 0 && !connector->source);
        assert(!connector->resolution && !connector->endpoints && !connector->timer.position);
        free(connector);
    }
}

void connector_lost(struct connector *connector, usec_t now)
{
    const struct remote *remote = connector->remote;

    if (remote->kind == REMOTE_ADOPTED || remote->options.no_retry) {
        connector_set_state(connector, CONNECTOR_VOID);
        return;
    }
    if (connector->dials_at_once) {
        connector->dials_at_once = false;
        backoff_reset(&connector->backoff);
        connector_start(connector);
        return;
    }
    backoff_connection_ended(&connector->backoff, now - remote->last_connected);
    back_off(connector);
}

const char *connector_state_name(const struct connector *connector)
{
    switch (connector->state) {
    case CONNECTOR_VOID:
        return "VOID";
    case CONNECTOR_BACKOFF:
        return "BACKOFF";
    case CONNECTOR_RESOLVING:
    case CONNECTOR_CONNECTING:
        return "CONNECTING";
    default:
        return remote_connected_state(connector->remote);
    }
}
