// SPDX-License-Identifier: Apache-2.0
// What all remotes have in common: the target, the options, the end.
#include "net/connector.h"
#include "net/internal.h"
#include "net/listener.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

LOG_MODULE(net);

// Takes over `target`.
static struct remote *remote_alloc(struct net *net, enum remote_kind kind, char *target,
                                   const struct remote_options *options, void *userdata)
{
    struct remote *remote = NEW(struct remote);

    remote->net = net;
    remote->kind = kind;
    remote->target = target;
    remote->options = *options;
    remote->userdata = userdata;
    if (kind == REMOTE_LISTENER) {
        remote->listener = listener_new(remote);
    } else {
        remote->connector = connector_new(remote);
    }
    list_init(&remote->connections);
    list_init(&remote->handshakes);
    list_push_back(&net->remotes, &remote->in_net);
    net->n_changes++;
    return remote;
}

struct failure *remote_target_check(const char *target)
{
    struct address address;
    struct failure *failure = address_parse(target, &address);

    if (!failure) {
        address_done(&address);
    }
    return failure;
}

bool remote_target_is_valid(const char *target)
{
    _cleanup_failure_ struct failure *failure = remote_target_check(target);

    return !failure;
}

bool remote_target_dials(const char *target)
{
    return remote_target_is_valid(target) && target[0] != 'p';
}

// Fails unless TLS can be used now.
static struct failure *check_tls(struct net *net, const char *target)
{
    const char *lacks = tls_config_lacks(net->tls);
    const char *fault = tls_config_fault(net->tls);

    if (!lacks) {
        return NULL;
    }
    return fault ? failure_new_errno(ENOKEY, "%s: %s", target, fault)
                 : failure_new_errno(ENOPROTOOPT, "%s: TLS needs %s", target, lacks);
}

struct failure *remote_new(struct net *net, const char *target,
                           const struct remote_options *options, void *userdata,
                           struct remote **ret)
{
    struct address address;
    struct remote *remote;
    struct failure *failure = address_parse(target, &address);

    if (failure) {
        return failure;
    }
    if (address.kind == ADDRESS_TLS) {
        failure = check_tls(net, target);
    }
    if (failure && failure_errno(failure) == ENOKEY && !address.is_passive && !options->no_retry) {
        failure_free(TAKE_PTR(failure)); // the connector checks this whenever it dials
    }
    if (failure) {
        address_done(&address);
        return failure;
    }
    remote = remote_alloc(net, address.is_passive ? REMOTE_LISTENER : REMOTE_CONNECTOR,
                          xstrdup(target), options, userdata);
    remote->address = address;
    remote->is_unix = address.kind == ADDRESS_UNIX;
    remote->is_tls = address.kind == ADDRESS_TLS;
    if (address.is_passive) {
        failure = listener_open(remote->listener);
        if (failure) {
            remote_reap(remote);
            return failure;
        }
    } else {
        connector_start(remote->connector);
    }
    *ret = remote;
    return NULL;
}

// Returns the target of a passed socket. NULL with the reason in *ret_errno if it is not a stream
// socket of a supported family that listens or is connected.
static char *passed_target(int fd, bool *ret_listens, bool *ret_is_unix, int *ret_errno)
{
    struct endpoint endpoint = {.size = sizeof(endpoint.storage)};
    int type, listens;
    socklen_t size = sizeof(int);
    char *target = NULL;
    int r;

    r = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
    if (!r && type != SOCK_STREAM) {
        errno = ESOCKTNOSUPPORT;
        r = -1;
    }
    if (!r) {
        r = getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
    }
    if (!r) {
        r = listens ? getsockname(fd, &endpoint.sa, &endpoint.size)
                    : getpeername(fd, &endpoint.sa, &endpoint.size);
    }
    if (!r) {
        target = address_target(&endpoint, listens);
        *ret_listens = listens;
        *ret_is_unix = endpoint.sa.sa_family == AF_UNIX;
        errno = EAFNOSUPPORT;
    }
    *ret_errno = errno;
    return target;
}

struct failure *remote_new_from_fd(struct net *net, int fd, const struct remote_options *options,
                                   void *userdata, struct remote **ret)
{
    bool listens, is_unix;
    int error;
    char *target = passed_target(fd, &listens, &is_unix, &error);
    struct remote *remote;
    struct failure *failure;

    if (!target) {
        return failure_from_errno(
            error, "file descriptor %d is not a stream socket that listens or is connected", fd);
    }
    remote =
        remote_alloc(net, listens ? REMOTE_LISTENER : REMOTE_ADOPTED, target, options, userdata);
    remote->is_unix = is_unix;
    if (listens) {
        failure = listener_adopt(remote->listener, fd);
        if (failure) {
            remote_reap(remote);
            return failure;
        }
    } else {
        connector_adopt(remote->connector, fd);
    }
    *ret = remote;
    return NULL;
}

struct failure *remote_use_tls(struct remote *remote, bool may_follow)
{
    _cleanup_free_ char *target = NULL;
    struct failure *failure;

    if (remote->is_unix || remote->kind != REMOTE_LISTENER) {
        return failure_new(FAILURE_INVALID, "%s: only a TCP socket that listens can be one for TLS",
                           remote->target);
    }
    target = xasprintf("pssl%s", strchr(remote->target, ':'));
    failure = may_follow ? NULL : check_tls(remote->net, target);
    if (failure) {
        return failure;
    }
    free(remote->target);
    remote->target = TAKE_PTR(target);
    remote->is_tls = true;
    return NULL;
}

void remote_free(struct remote *remote)
{
    struct net *net;
    struct connection *connection;

    if (!remote || remote->is_dead) {
        return;
    }
    net = remote->net;
    remote->is_dead = true;
    if (remote->listener) {
        listener_close(remote->listener);
    } else {
        connector_stop(remote->connector);
    }
    handshake_free_all(remote);
    LIST_FOREACH (connection, &remote->connections, in_remote) {
        connection_close(connection, "its remote is removed");
    }
    list_remove(&remote->in_net);
    list_push_back(&net->dead_remotes, &remote->in_net);
    net_arm(net);
}

void remote_reap(struct remote *remote)
{
    assert(!remote->n_connections && list_is_empty(&remote->connections));
    assert(list_is_empty(&remote->handshakes));
    list_remove(&remote->in_net);
    listener_free(remote->listener);
    connector_free(remote->connector);
    address_done(&remote->address);
    free(remote->target);
    free(remote);
}

void remote_closed(struct remote *remote)
{
    if (remote->is_dead) {
        net_arm(remote->net);
    } else if (remote->connector) {
        connector_lost(remote->connector, net_now(remote->net));
    }
}

void remote_set_error(struct remote *remote, const char *error)
{
    snprintf(remote->last_error, sizeof(remote->last_error), "%s", error);
    remote->net->n_changes++;
}

usec_t remote_probe_interval(const struct remote *remote)
{
    uint64_t ms = remote->options.probe_interval_ms;

    if (ms == UINT64_MAX) {
        ms = remote->is_unix ? 0 : NET_PROBE_TCP_MS;
    }
    return MIN(ms, (uint64_t)UINT32_MAX) * USEC_PER_MSEC;
}

void remote_configure_socket(const struct remote *remote, int fd)
{
    int dscp = remote->options.dscp < 0 ? NET_DSCP_TCP : remote->options.dscp;
    int tos = (dscp & 63) << 2;
    int on = 1;
    int family = 0;
    socklen_t size = sizeof(family);

    if (remote->is_unix || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size)) {
        return;
    }
    // The remote works without these options, so a failure is only logged.
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
        (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos))) ||
        setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos))) {
        log_dbg("%s: cannot set a socket option: %s", remote->target, strerror(errno));
    }
}

void remote_set_options(struct remote *remote, const struct remote_options *options)
{
    struct connection *connection;

    remote->options = *options;
    if (remote->listener && remote->listener->acceptor.fd >= 0) {
        remote_configure_socket(remote, remote->listener->acceptor.fd);
    }
    LIST_FOREACH (connection, &remote->connections, in_remote) {
        if (connection->state != CONNECTION_DEAD) {
            remote_configure_socket(remote, connection->stream.fd);
            connection_update_probe(connection);
        }
    }
}

void remote_reconnect(struct remote *remote, const char *reason)
{
    struct connection *connection;

    LIST_FOREACH (connection, &remote->connections, in_remote) {
        connection_close(connection, reason);
    }
    if (remote->kind == REMOTE_CONNECTOR) {
        connector_redial(remote->connector);
    }
}

const char *remote_target(const struct remote *remote)
{
    return remote->target;
}

void *remote_userdata(const struct remote *remote)
{
    return remote->userdata;
}

uint16_t remote_bound_port(const struct remote *remote)
{
    return remote->listener ? remote->listener->port : 0;
}

struct connection *remote_connection(const struct remote *remote)
{
    return list_is_empty(&remote->connections)
               ? NULL
               : LIST_FIRST(&remote->connections, struct connection, in_remote);
}

const char *remote_connected_state(const struct remote *remote)
{
    return remote_connection(remote)->probe.sent ? "IDLE" : "ACTIVE";
}

static const char *state_of(const struct remote *remote)
{
    if (remote->connector) {
        return connector_state_name(remote->connector);
    }
    return remote->n_connections ? remote_connected_state(remote) : "LISTENING";
}

void remote_status(const struct remote *remote, struct remote_status *ret)
{
    *ret = (struct remote_status){
        .is_listener = remote->kind == REMOTE_LISTENER,
        .is_connected = remote->kind == REMOTE_LISTENER
                            ? remote->n_connections > 0
                            : remote->connector->state == CONNECTOR_ACTIVE,
        .state = state_of(remote),
        .last_connected = remote->last_connected,
        .last_disconnected = remote->last_disconnected,
        .n_connections = remote->n_connections,
    };
    memcpy(ret->last_error, remote->last_error, sizeof(ret->last_error));
}
