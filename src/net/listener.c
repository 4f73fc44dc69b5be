// SPDX-License-Identifier: Apache-2.0
// Sockets that listen: made here or passed by the service manager.
#include "net/admission.h"
#include "net/internal.h"

#include "basic/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

LOG_MODULE(net);

#define LISTEN_QUEUE 1024
#define UNIX_MODE    0770 // less the umask

static int fail(char **ret_error, int error, const char *target, const char *what)
{
    *ret_error = xasprintf("%s: %s: %s", target, what, strerror(error));
    return -error;
}

static void pause_accepting(struct remote *remote, usec_t pause)
{
    sd_event_source_set_enabled(remote->listener.source, SD_EVENT_OFF);
    net_set_timer(remote->net, &remote->timer, net_now(remote->net) + pause);
}

// Out of descriptors or memory: those that wait stay in the kernel's queue until there are some
// again.
static void fail_accepting(struct remote *remote, int error)
{
    log_limited(&remote->listener.limit, LOG_LEVEL_WARN, "%s: cannot accept a connection: %s",
                remote->target, strerror(error));
    remote_set_error(remote, strerror(error));
    pause_accepting(remote, NET_ACCEPT_PAUSE_USEC);
}

void listener_welcome(struct remote *remote, const struct stream *stream, char *name)
{
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

static void admit(struct remote *remote, int fd, const struct endpoint *peer)
{
    struct net *net = remote->net;
    struct stream stream;

    if (remote->is_tls) {
        char *name = address_peer_name(peer, ADDRESS_TLS);

        if (admission_allows(remote, fd, name)) { // and again after the handshake
            handshake_start(remote, fd, name);
        } else {
            close(fd);
            free(name);
        }
        return;
    }
    stream_init_plain(&stream, fd);
    listener_welcome(remote, &stream,
                     remote->is_unix ? xasprintf("unix#%u", net->n_unix++)
                                     : address_peer_name(peer, ADDRESS_TCP));
}

// One accept(): false when there is no more to do in this turn.
static bool accept_one(struct remote *remote)
{
    struct endpoint peer = {.size = sizeof(peer.storage)};
    usec_t pause;
    int fd;

    if (!admission_in_time(remote->net, &pause)) {
        pause_accepting(remote, pause);
        return false;
    }
    fd = accept4(remote->listener.fd, &peer.sa, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        admission_count(remote->net);
        admit(remote, fd, &peer);
        return !remote->is_dead && !remote->net->is_dead;
    }
    switch (errno) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        fail_accepting(remote, errno);
        return false;
    default:
        log_dbg("%s: a connection ended before it was accepted: %s", remote->target,
                strerror(errno));
        return true;
    }
}

void listener_accept_waiting(struct remote *remote)
{
    for (int i = 0; i < LISTEN_QUEUE && accept_one(remote); i++) {
    }
}

static int on_accept(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct remote *remote = userdata;
    struct net *net = remote->net;

    net_enter(net);
    for (int i = 0; i < NET_ACCEPT_BATCH; i++) {
        if (!accept_one(remote)) {
            break;
        }
    }
    net_leave(net);
    return 0;
}

// Starts accepting from `fd`, which becomes the listener's on success.
static int watch(struct remote *remote, int fd, char **ret_error)
{
    struct listener *listener = &remote->listener;
    int r = sd_event_add_io(remote->net->event, &listener->source, fd, EPOLLIN, on_accept, remote);

    if (r < 0) {
        return fail(ret_error, -r, remote->target, "cannot watch the socket");
    }
    sd_event_source_set_priority(listener->source, SD_EVENT_PRIORITY_NORMAL);
    sd_event_source_set_description(listener->source, remote->target);
    listener->fd = fd;
    return 0;
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

// It accepts connections of IPv4 too.
static bool is_dual(int fd, const struct endpoint *endpoint)
{
    int only = 1;
    socklen_t size = sizeof(only);

    return is_any_ipv6(endpoint) && !getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size) &&
           !only;
}

bool remote_is_dual(const struct remote *remote)
{
    struct endpoint endpoint;

    return remote->listener.fd >= 0 && endpoint_of(remote->listener.fd, &endpoint) &&
           is_dual(remote->listener.fd, &endpoint);
}

static bool is_same_host(const struct endpoint *a, const struct endpoint *b)
{
    return address_is_any(a) || address_is_any(b) ||
           (a->size == b->size &&
            (a->sa.sa_family == AF_INET
                 ? a->in.sin_addr.s_addr == b->in.sin_addr.s_addr
                 : !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr))));
}

// The listener of this net that keeps `remote` from listening at `endpoint`, or NULL.
static struct remote *find_holder(const struct remote *remote, const struct endpoint *endpoint)
{
    struct remote *other;

    LIST_FOREACH (other, &remote->net->remotes, in_net) {
        struct endpoint taken;

        if (other == remote || other->is_unix || other->listener.fd < 0 ||
            !endpoint_of(other->listener.fd, &taken) ||
            address_port(&taken) != address_port(endpoint)) {
            continue;
        }
        if (address_is_ipv4(&taken) == address_is_ipv4(endpoint)
                ? is_same_host(&taken, endpoint)
                : is_any_ipv6(endpoint) || is_dual(other->listener.fd, &taken)) {
            return other;
        }
    }
    return NULL;
}

// A socket that listens: negative errno, or the descriptor.
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

static void stop_watching(struct listener *listener)
{
    listener->source = sd_event_source_disable_unref(listener->source);
    if (listener->fd >= 0) {
        close(TAKE_FD(listener->fd));
    }
}

// Has a listener of "[::]" listen anew, with or without IPv4. Those that wait in its queue are
// dropped.
static void rebind(struct remote *remote, bool ipv6_only)
{
    struct listener *listener = &remote->listener;
    _cleanup_free_ char *error = NULL;
    struct endpoint endpoint;
    int fd;

    endpoint_of(listener->fd, &endpoint);
    stop_watching(listener);
    fd = listen_at(remote, &endpoint, ipv6_only);
    if (fd < 0 && !ipv6_only) {
        ipv6_only = true;
        fd = listen_at(remote, &endpoint, true);
    }
    listener->is_narrowed = ipv6_only;
    if (fd < 0 || watch(remote, fd, &error) < 0) {
        log_warn("%s: cannot listen: %s", remote->target, error ? error : strerror(-fd));
        remote_set_error(remote, "cannot listen any more");
        return;
    }
    log_info("%s: listening on %s", remote->target,
             ipv6_only ? "IPv6 only, as another remote has the port for IPv4" : "IPv6 and IPv4");
}

// "[::]" listens for IPv4 too, unless the IPv4 wildcard is a remote of its own with the same port,
// whichever of them comes first. Negative errno, or the descriptor.
static int listen_beside(struct remote *remote, const struct endpoint *endpoint,
                         struct remote *holder)
{
    struct endpoint taken;

    endpoint_of(holder->listener.fd, &taken);
    if (is_any_ipv6(endpoint) && address_is_ipv4(&taken) && address_is_any(&taken)) {
        remote->listener.is_narrowed = true;
        return listen_at(remote, endpoint, true);
    }
    if (address_is_ipv4(endpoint) && address_is_any(endpoint) && holder->address.is_passive &&
        is_dual(holder->listener.fd, &taken)) {
        rebind(holder, true);
        return listen_at(remote, endpoint, false);
    }
    return -EADDRINUSE;
}

// A socket that listens: negative errno, or the descriptor.
static int bind_tcp(struct remote *remote, char **ret_error)
{
    struct remote *holder = NULL;
    struct endpoint endpoint;
    int fd;

    if (!address_endpoint(&remote->address, &endpoint)) {
        // A passive address has a number or none: the interface that it names is not there.
        return fail(ret_error, ENODEV, remote->target, "cannot listen");
    }
    fd = listen_at(remote, &endpoint, false);
    if (fd == -EADDRINUSE) {
        holder = find_holder(remote, &endpoint);
        fd = holder ? listen_beside(remote, &endpoint, holder) : fd;
    }
    if (fd < 0) {
        *ret_error = xasprintf("%s: cannot listen: %s%s%s", remote->target, strerror(-fd),
                               holder ? " by " : "", holder ? holder->target : "");
    }
    return fd;
}

// A narrowed listener looks from the loop whether it may listen for IPv4 again.
static void check_width(struct remote *remote)
{
    struct endpoint endpoint;

    if (endpoint_of(remote->listener.fd, &endpoint) && is_any_ipv6(&endpoint) &&
        !is_dual(remote->listener.fd, &endpoint)) {
        remote->listener.is_narrowed = true;
        net_set_timer(remote->net, &remote->timer, net_now(remote->net));
    }
}

static int open_tcp(struct remote *remote, char **ret_error)
{
    _cleanup_close_ int fd = offer_take(remote->net, remote->target);
    int r;

    if (fd >= 0) {
        remote_configure_socket(remote, fd);
    } else {
        fd = bind_tcp(remote, ret_error);
    }
    if (fd < 0) {
        return fd;
    }
    r = watch(remote, fd, ret_error);
    if (r < 0) {
        return r;
    }
    remote->listener.port = port_of(TAKE_FD(fd));
    check_width(remote);
    // Scripts that ask for port 0 read the port from this line.
    log_info("%s: listening on port %u", remote->target, remote->listener.port);
    return 0;
}

static int open_unix(struct remote *remote, char **ret_error)
{
    _cleanup_free_ char *path = dirs_path(dirs_run(), remote->address.path);
    _cleanup_free_ char *error = NULL;
    int fd = socket_file_listen(path, UNIX_MODE, LISTEN_QUEUE, &remote->listener.file, &error);
    int r;

    if (fd < 0) {
        *ret_error = xasprintf("%s: %s", remote->target, error);
        return fd;
    }
    r = watch(remote, fd, ret_error);
    if (r < 0) {
        socket_file_remove(&remote->listener.file);
        close(fd);
        return r;
    }
    log_dbg("%s: listening", remote->target);
    return 0;
}

int listener_open(struct remote *remote, char **ret_error)
{
    return remote->is_unix ? open_unix(remote, ret_error) : open_tcp(remote, ret_error);
}

int listener_adopt(struct remote *remote, int fd, char **ret_error)
{
    int r;

    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        return fail(ret_error, errno, remote->target, "cannot set up the socket");
    }
    remote_configure_socket(remote, fd);
    r = watch(remote, fd, ret_error);
    if (r < 0) {
        return r;
    }
    remote->listener.port = port_of(fd);
    log_info("%s: listening on a socket that was passed", remote->target);
    return 0;
}

static void widen(struct remote *remote)
{
    struct endpoint endpoint;

    if (remote->listener.fd >= 0 && endpoint_of(remote->listener.fd, &endpoint) &&
        !find_holder(remote, &endpoint)) {
        listener_accept_waiting(remote);
        rebind(remote, false);
    }
}

// The end of a pause, or a remote that had the port for IPv4 is gone.
void listener_timer(struct remote *remote)
{
    if (remote->listener.is_narrowed) {
        widen(remote);
    }
    if (remote->listener.source) {
        sd_event_source_set_enabled(remote->listener.source, SD_EVENT_ON);
    }
}

void listener_close(struct remote *remote)
{
    struct remote *other;

    socket_file_remove(&remote->listener.file);
    stop_watching(&remote->listener);
    LIST_FOREACH (other, &remote->net->remotes, in_net) {
        if (other->listener.is_narrowed && other->listener.port == remote->listener.port) {
            net_set_timer(other->net, &other->timer, net_now(other->net));
        }
    }
}
