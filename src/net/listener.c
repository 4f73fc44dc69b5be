// SPDX-License-Identifier: Apache-2.0
// Sockets that listen: made here or passed by the service manager.
//
// IPv6 and IPv4: "ptcp:PORT:[::]" listens for both families with one socket. If another remote of
// the net listens on the same port of all IPv4 addresses, whichever is made first, the IPv6
// listener is narrowed to IPv6. It is widened again when the other one is closed.
#include "net/listener.h"

#include "net/admission.h"
#include "net/internal.h"

#include "basic/dirs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

LOG_MODULE(net);

#define LISTEN_QUEUE 1024
#define UNIX_MODE    0770 // minus the umask

void listener_welcome(struct listener *listener, const struct stream *stream, char *name)
{
    struct remote *remote = listener->remote;
    struct stream taken = *stream;
    struct connection *connection;

    if (!admission_allows(remote, stream->fd, name)) {
        taken.ops->close(&taken);
        free(name);
        return;
    }
    connection = connection_new(remote, stream, name);
    if (connection) {
        remote->net->handler.opened(connection);
    }
}

// Limits are checked before a TLS handshake, which is expensive, and again after it.
static void admit_tls(struct remote *remote, int fd, const struct endpoint *peer)
{
    char *name = address_peer_name(peer, ADDRESS_TLS);

    if (admission_allows(remote, fd, name)) {
        handshake_start(remote, fd, name);
    } else {
        close(fd);
        free(name);
    }
}

static void admit_plain(struct remote *remote, int fd, const struct endpoint *peer)
{
    struct stream stream;

    stream_init_plain(&stream, fd);
    listener_welcome(remote->listener, &stream,
                     remote->is_unix ? xasprintf("unix#%u", remote->net->n_unix++)
                                     : address_peer_name(peer, ADDRESS_TCP));
}

static void log_shortage(struct listener *listener, int error)
{
    log_limited(&listener->limit, LOG_LEVEL_WARN, "%s: cannot accept a connection: %s",
                listener->remote->target, strerror(error));
    remote_set_error(listener->remote, strerror(error));
}

// Accepts one connection. Returns false if no more can be accepted in this turn.
static bool accept_one(struct listener *listener)
{
    struct remote *remote = listener->remote;
    struct endpoint peer;
    usec_t pause;
    int fd;

    if (!admission_in_time(remote->net, &pause)) {
        acceptor_pause(&listener->acceptor, pause);
        return false;
    }
    fd = acceptor_take(&listener->acceptor, &peer);
    if (fd >= 0) {
        admission_count(remote->net);
        if (remote->is_tls) {
            admit_tls(remote, fd, &peer);
        } else {
            admit_plain(remote, fd, &peer);
        }
        return !remote->is_dead && !remote->net->is_dead;
    }
    if (fd == -ECONNABORTED) {
        log_dbg("%s: a connection ended before it was accepted", remote->target);
        return true;
    }
    if (fd != -EAGAIN) {
        log_shortage(listener, -fd);
    }
    return false;
}

void listener_accept_waiting(struct listener *listener)
{
    for (int i = 0; i < LISTEN_QUEUE && accept_one(listener); i++) {
    }
}

static void on_accept(void *userdata)
{
    struct listener *listener = userdata;
    struct net *net = listener->remote->net;

    net_enter(net);
    for (int i = 0; i < NET_ACCEPT_BATCH && accept_one(listener); i++) {
    }
    net_leave(net);
}

// Starts accepting from `fd`, which becomes the listener's on success.
static struct failure *start_accepting(struct listener *listener, int fd)
{
    struct remote *remote = listener->remote;
    int r = acceptor_open(&listener->acceptor, remote->net->event, fd, remote->target, on_accept,
                          listener);

    return r < 0 ? failure_from_errno(r, "%s: cannot watch the socket", remote->target) : NULL;
}

static bool endpoint_of(int fd, struct endpoint *ret)
{
    *ret = (struct endpoint){.size = sizeof(ret->storage)};
    return !getsockname(fd, &ret->sa, &ret->size);
}

static uint16_t port_of(int fd)
{
    struct endpoint endpoint;

    return endpoint_of(fd, &endpoint) ? address_port(&endpoint) : 0;
}

// "[::]"
static bool is_any_ipv6(const struct endpoint *endpoint)
{
    return address_is_any(endpoint) && !address_is_ipv4(endpoint);
}

// True if the socket `fd`, bound to `endpoint`, accepts IPv4 connections as well.
static bool is_dual(int fd, const struct endpoint *endpoint)
{
    int only = 1;
    socklen_t size = sizeof(only);

    return is_any_ipv6(endpoint) && !getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size) &&
           !only;
}

bool remote_is_dual(const struct remote *remote)
{
    int fd = remote->listener ? remote->listener->acceptor.fd : -1;
    struct endpoint endpoint;

    return fd >= 0 && endpoint_of(fd, &endpoint) && is_dual(fd, &endpoint);
}

static bool is_same_host(const struct endpoint *a, const struct endpoint *b)
{
    return address_is_any(a) || address_is_any(b) ||
           (a->size == b->size &&
            (a->sa.sa_family == AF_INET
                 ? a->in.sin_addr.s_addr == b->in.sin_addr.s_addr
                 : !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr))));
}

// True if a socket bound to `taken` (`fd`) prevents another one from listening at `endpoint`.
static bool is_in_conflict(int fd, const struct endpoint *taken, const struct endpoint *endpoint)
{
    if (address_port(taken) != address_port(endpoint)) {
        return false;
    }
    return address_is_ipv4(taken) == address_is_ipv4(endpoint)
               ? is_same_host(taken, endpoint)
               : is_any_ipv6(endpoint) || is_dual(fd, taken);
}

// Returns the TCP listener of this net that prevents `listener` from listening at `endpoint`, or
// NULL.
static struct listener *find_holder(const struct listener *listener,
                                    const struct endpoint *endpoint)
{
    struct remote *remote;

    LIST_FOREACH (remote, &listener->remote->net->remotes, in_net) {
        struct listener *other = remote->listener;
        struct endpoint taken;

        if (other && other != listener && !remote->is_unix && other->acceptor.fd >= 0 &&
            endpoint_of(other->acceptor.fd, &taken) &&
            is_in_conflict(other->acceptor.fd, &taken, endpoint)) {
            return other;
        }
    }
    return NULL;
}

// Makes a socket that listens. Returns its descriptor or negative errno.
static int listen_at(const struct remote *remote, const struct endpoint *endpoint, int ipv6_only)
{
    _cleanup_close_ int fd =
        socket(endpoint->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0) {
        return -errno;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (is_any_ipv6(endpoint)) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &ipv6_only, sizeof(ipv6_only));
    }
    remote_configure_socket(remote, fd);
    if (bind(fd, &endpoint->sa, endpoint->size) < 0 || listen(fd, LISTEN_QUEUE) < 0) {
        return -errno;
    }
    return TAKE_FD(fd);
}

// Replaces the socket of a listener on "[::]" by one with or without IPv4. Connections that wait in
// the queue of the old socket are lost.
static void rebind(struct listener *listener, bool ipv6_only)
{
    struct remote *remote = listener->remote;
    _cleanup_failure_ struct failure *failure = NULL;
    struct endpoint endpoint;
    int fd;

    endpoint_of(listener->acceptor.fd, &endpoint);
    acceptor_close(&listener->acceptor);
    fd = listen_at(remote, &endpoint, ipv6_only);
    if (fd < 0 && !ipv6_only) {
        ipv6_only = true;
        fd = listen_at(remote, &endpoint, true);
    }
    listener->is_narrowed = ipv6_only;
    failure = fd < 0 ? failure_from_errno(fd, "%s: cannot listen", remote->target)
                     : start_accepting(listener, fd);
    if (failure) {
        log_warn("%s", failure_text(failure));
        remote_set_error(remote, "cannot listen any more");
        return;
    }
    log_info("%s: listening on %s", remote->target,
             ipv6_only ? "IPv6 only, as another remote has the port for IPv4" : "IPv6 and IPv4");
}

// Resolves the conflict of an IPv6 and an IPv4 listener on all addresses of one port, by narrowing
// the IPv6 one, which may be this one or the holder of the port. Returns a descriptor that listens,
// or negative errno.
static int listen_beside(struct listener *listener, const struct endpoint *endpoint,
                         struct listener *holder)
{
    struct endpoint taken;

    endpoint_of(holder->acceptor.fd, &taken);
    if (is_any_ipv6(endpoint) && address_is_ipv4(&taken) && address_is_any(&taken)) {
        listener->is_narrowed = true;
        return listen_at(listener->remote, endpoint, true);
    }
    if (address_is_ipv4(endpoint) && address_is_any(endpoint) &&
        holder->remote->address.is_passive && is_dual(holder->acceptor.fd, &taken)) {
        rebind(holder, true);
        return listen_at(listener->remote, endpoint, false);
    }
    return -EADDRINUSE;
}

// Stores a descriptor that listens at the address of the remote.
static struct failure *bind_tcp(struct listener *listener, int *ret_fd)
{
    struct remote *remote = listener->remote;
    struct listener *holder = NULL;
    struct endpoint endpoint;
    int fd;

    if (!address_endpoint(&remote->address, &endpoint)) {
        // The host of a passive address is a number or absent. What is missing is the network
        // interface that it names.
        return failure_from_errno(ENODEV, "%s: cannot listen", remote->target);
    }
    fd = listen_at(remote, &endpoint, false);
    if (fd == -EADDRINUSE) {
        holder = find_holder(listener, &endpoint);
        fd = holder ? listen_beside(listener, &endpoint, holder) : fd;
    }
    if (fd < 0) {
        return failure_new_errno(fd, "%s: cannot listen: %s%s%s", remote->target, strerror(-fd),
                                 holder ? " by " : "", holder ? holder->remote->target : "");
    }
    *ret_fd = fd;
    return NULL;
}

// A socket from another process may be narrowed. Lets the loop check whether it can be widened.
static void check_width(struct listener *listener)
{
    struct net *net = listener->remote->net;
    struct endpoint endpoint;

    if (endpoint_of(listener->acceptor.fd, &endpoint) && is_any_ipv6(&endpoint) &&
        !is_dual(listener->acceptor.fd, &endpoint)) {
        listener->is_narrowed = true;
        net_set_timer(net, &listener->timer, net_now(net));
    }
}

static struct failure *open_tcp(struct listener *listener)
{
    struct remote *remote = listener->remote;
    _cleanup_close_ int fd = offer_take(remote->net, remote->target);
    struct failure *failure = NULL;

    if (fd >= 0) {
        remote_configure_socket(remote, fd);
    } else {
        failure = bind_tcp(listener, &fd);
    }
    if (!failure) {
        failure = start_accepting(listener, fd);
    }
    if (failure) {
        return failure;
    }
    listener->port = port_of(TAKE_FD(fd));
    check_width(listener);
    // Scripts that use port 0 read the port from this line.
    log_info("%s: listening on port %u", remote->target, listener->port);
    return NULL;
}

static struct failure *open_unix(struct listener *listener)
{
    struct remote *remote = listener->remote;
    _cleanup_free_ char *path = dirs_path(dirs_run(), remote->address.path);
    struct failure *failure;
    int fd;

    failure = socket_file_listen(path, UNIX_MODE, LISTEN_QUEUE, &listener->file, &fd);
    if (failure) {
        return failure_prefix(failure, "%s", remote->target);
    }
    failure = start_accepting(listener, fd);
    if (failure) {
        socket_file_remove(&listener->file);
        close(fd);
        return failure;
    }
    log_dbg("%s: listening", remote->target);
    return NULL;
}

struct failure *listener_open(struct listener *listener)
{
    assert(listener->remote->kind == REMOTE_LISTENER && listener->acceptor.fd < 0);
    return listener->remote->is_unix ? open_unix(listener) : open_tcp(listener);
}

struct failure *listener_adopt(struct listener *listener, int fd)
{
    struct remote *remote = listener->remote;
    struct failure *failure;

    assert(remote->kind == REMOTE_LISTENER && listener->acceptor.fd < 0);
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        return failure_from_errno(errno, "%s: cannot set up the socket", remote->target);
    }
    remote_configure_socket(remote, fd);
    failure = start_accepting(listener, fd);
    if (failure) {
        return failure;
    }
    listener->port = port_of(fd);
    log_info("%s: listening on a socket that was passed", remote->target);
    return NULL;
}

// The remote that had the port for IPv4 may have been closed.
static void on_listener_timer(struct timer *timer, usec_t now)
{
    struct listener *listener = CONTAINER_OF(timer, struct listener, timer);
    struct endpoint endpoint;

    if (listener->is_narrowed && listener->acceptor.fd >= 0 &&
        endpoint_of(listener->acceptor.fd, &endpoint) && !find_holder(listener, &endpoint)) {
        listener_accept_waiting(listener);
        if (listener->acceptor.fd >= 0) {
            rebind(listener, false);
        }
    }
}

struct listener *listener_new(struct remote *remote)
{
    struct listener *listener = NEW(struct listener);

    listener->remote = remote;
    listener->acceptor = ACCEPTOR_CLOSED;
    listener->timer.expired = on_listener_timer;
    listener->limit = (struct log_limit)LOG_LIMIT_INIT(6, 2);
    return listener;
}

void listener_close(struct listener *listener)
{
    struct net *net = listener->remote->net;
    struct remote *remote;

    socket_file_remove(&listener->file);
    acceptor_close(&listener->acceptor);
    net_clear_timer(net, &listener->timer);
    LIST_FOREACH (remote, &net->remotes, in_net) {
        struct listener *other = remote->listener;

        if (other && other != listener && other->is_narrowed && other->port == listener->port) {
            net_set_timer(net, &other->timer, net_now(net));
        }
    }
}

void listener_free(struct listener *listener)
{
    if (listener) {
        assert(listener->acceptor.fd < 0 && !listener->file.path && !listener->timer.position);
        free(listener);
    }
}
