// SPDX-License-Identifier: Apache-2.0
#include "net/address.h"

#include "basic/dirs.h"
#include "basic/slice.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>

static const struct prefix {
    const char *text;
    enum address_kind kind;
    bool is_passive;
} prefixes[] = {
    {"punix:", ADDRESS_UNIX, true}, {"unix:", ADDRESS_UNIX, false}, {"ptcp:", ADDRESS_TCP, true},
    {"tcp:", ADDRESS_TCP, false},   {"pssl:", ADDRESS_TLS, true},   {"ssl:", ADDRESS_TLS, false},
};

static bool parse_port(struct slice text, uint16_t *ret)
{
    unsigned port = 0;

    if (!text.size || text.size > 5) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        port = port * 10 + (unsigned)(text.data[i] - '0');
    }
    if (port > UINT16_MAX) {
        return false;
    }
    *ret = (uint16_t)port;
    return true;
}

// Reads an IPv6 address, which may be followed by '%' and a network interface. If the interface
// does not exist, the scope is 0.
static bool read_ipv6(const char *text, struct sockaddr_in6 *ret)
{
    const char *percent = strchr(text, '%');
    size_t size = percent ? (size_t)(percent - text) : strlen(text);
    char digits[INET6_ADDRSTRLEN];

    if (size >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, text, size);
    digits[size] = '\0';
    *ret = (struct sockaddr_in6){.sin6_family = AF_INET6};
    if (inet_pton(AF_INET6, digits, &ret->sin6_addr) != 1) {
        return false;
    }
    if (percent) {
        ret->sin6_scope_id = if_nametoindex(percent + 1);
        return percent[1] && strlen(percent + 1) < IF_NAMESIZE;
    }
    return true;
}

// Reads an IPv6 address whose interface, if it names one, exists.
static bool parse_ipv6(const char *text, struct sockaddr_in6 *ret)
{
    return read_ipv6(text, ret) && (ret->sin6_scope_id || !strchr(text, '%'));
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

// True for a host name. Text of digits and dots only is not a name but a wrong IPv4 address.
static bool is_host_name(const char *text)
{
    bool has_letter = false;

    for (const char *p = text; *p; p++) {
        if (!is_name_char(*p)) {
            return false;
        }
        has_letter |= (*p < '0' || *p > '9') && *p != '.';
    }
    return has_letter && strlen(text) <= 253;
}

static struct failure *check_host(const char *host, bool in_brackets, bool allow_name,
                                  const char *target)
{
    struct in_addr in;
    struct sockaddr_in6 in6;

    if (in_brackets) {
        if (!read_ipv6(host, &in6)) {
            return failure_new(FAILURE_INVALID, "%s: \"%s\" is not an IPv6 address", target, host);
        }
        return NULL;
    }
    if (inet_pton(AF_INET, host, &in) == 1 || (allow_name && is_host_name(host))) {
        return NULL;
    }
    if (strchr(host, ':')) {
        return failure_new(FAILURE_INVALID, "%s: an IPv6 address must stand in brackets", target);
    }
    return failure_new(FAILURE_INVALID, "%s: \"%s\" is not an IP address%s", target, host,
                       allow_name ? " or host name" : "");
}

// HOST[:PORT]
static struct failure *parse_active(const char *text, const char *target, struct address *address)
{
    bool in_brackets = text[0] == '[';
    const char *host = text + in_brackets;
    const char *end = host + strcspn(host, in_brackets ? "]" : ":");
    const char *port = end;

    if (in_brackets) {
        if (!*end) {
            return failure_new(FAILURE_INVALID, "%s: the closing bracket is missing", target);
        }
        port = end + 1;
        if (*port && *port != ':') {
            return failure_new(FAILURE_INVALID, "%s: only \":PORT\" may follow the bracket",
                               target);
        }
    } else if (*port && strchr(port + 1, ':')) {
        return failure_new(FAILURE_INVALID, "%s: an IPv6 address must stand in brackets", target);
    }
    if (end == host) {
        return failure_new(FAILURE_INVALID, "%s: a host is missing", target);
    }
    if (*port && (!parse_port(slice_of(port + 1), &address->port) || !address->port)) {
        return failure_new(FAILURE_INVALID, "%s: bad port number \"%s\"", target, port + 1);
    }
    address->host = xstrndup(host, (size_t)(end - host));
    return check_host(address->host, in_brackets, true, target);
}

// [PORT][:IP]
static struct failure *parse_passive(const char *text, const char *target, struct address *address)
{
    size_t port_size = strcspn(text, ":");
    const char *host;
    size_t host_size;
    bool in_brackets;

    if (port_size && !parse_port((struct slice){text, port_size}, &address->port)) {
        return failure_new(FAILURE_INVALID, "%s: bad port number \"%.*s\"", target, (int)port_size,
                           text);
    }
    if (!text[port_size]) {
        return NULL;
    }
    host = text + port_size + 1;
    host_size = strlen(host);
    in_brackets = host_size >= 2 && host[0] == '[' && host[host_size - 1] == ']';
    if (!host_size) {
        return failure_new(FAILURE_INVALID, "%s: an IP address must follow the colon", target);
    }
    address->host = in_brackets ? xstrndup(host + 1, host_size - 2) : xstrdup(host);
    return check_host(address->host, in_brackets, false, target);
}

static const struct prefix *find_prefix(const char *target)
{
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        if (!strncmp(target, prefixes[i].text, strlen(prefixes[i].text))) {
            return &prefixes[i];
        }
    }
    return NULL;
}

struct failure *address_parse(const char *target, struct address *ret)
{
    const struct prefix *prefix = find_prefix(target);
    struct address address = {.port = ADDRESS_DEFAULT_PORT};
    struct failure *failure = NULL;
    const char *rest;

    if (!strncmp(target, "pfd:", 4)) {
        return failure_new(FAILURE_INVALID,
                           "%s: an inherited socket can be named on the command line only", target);
    }
    if (!prefix) {
        return failure_new(FAILURE_INVALID,
                           "%s: not a target of the form punix:FILE, unix:FILE, ptcp:[PORT][:IP], "
                           "tcp:HOST[:PORT], pssl:[PORT][:IP] or ssl:HOST[:PORT]",
                           target);
    }
    rest = target + strlen(prefix->text);
    address.kind = prefix->kind;
    address.is_passive = prefix->is_passive;
    if (prefix->kind == ADDRESS_UNIX) {
        if (!rest[0]) {
            return failure_new(FAILURE_INVALID, "%s: a file name is missing", target);
        }
        address.port = 0;
        address.path = xstrdup(rest);
    } else if (prefix->is_passive) {
        failure = parse_passive(rest, target, &address);
    } else {
        failure = parse_active(rest, target, &address);
    }
    if (failure) {
        address_done(&address);
        return failure;
    }
    *ret = address;
    return NULL;
}

void address_done(struct address *address)
{
    free(address->path);
    free(address->host);
    *address = (struct address){0};
}

bool address_endpoint(const struct address *address, struct endpoint *ret)
{
    struct endpoint endpoint = {.size = sizeof(endpoint.in)};

    assert(address->kind != ADDRESS_UNIX);
    endpoint.in.sin_family = AF_INET;
    endpoint.in.sin_port = htons(address->port);
    if (address->host && inet_pton(AF_INET, address->host, &endpoint.in.sin_addr) != 1) {
        if (!parse_ipv6(address->host, &endpoint.in6)) {
            return false;
        }
        endpoint.in6.sin6_port = htons(address->port);
        endpoint.size = sizeof(endpoint.in6);
    }
    *ret = endpoint;
    return true;
}

bool address_is_name(const struct address *address)
{
    struct endpoint endpoint;

    return address->host && !address_endpoint(address, &endpoint);
}

// `path` must fit (asserted).
static void set_unix_path(struct endpoint *endpoint, const char *path)
{
    size_t size = strlen(path);

    assert(size < sizeof(endpoint->un.sun_path));
    *endpoint =
        (struct endpoint){.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1)};
    endpoint->un.sun_family = AF_UNIX;
    memcpy(endpoint->un.sun_path, path, size + 1);
}

int address_unix_endpoint(const char *path, struct endpoint *ret, int *ret_folder_fd)
{
    _cleanup_free_ char *full = dirs_path(dirs_run(), path);
    _cleanup_free_ char *folder = NULL;
    _cleanup_free_ char *detour = NULL;
    _cleanup_close_ int fd = -1;
    const char *name;

    if (strlen(full) < sizeof(ret->un.sun_path)) {
        set_unix_path(ret, full);
        *ret_folder_fd = -1;
        return 0;
    }
    name = strrchr(full, '/') + 1;
    folder = xstrndup(full, (size_t)(name - full));
    fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    detour = xasprintf("/proc/self/fd/%d/%s", fd, name);
    if (strlen(detour) >= sizeof(ret->un.sun_path)) {
        return -ENAMETOOLONG;
    }
    set_unix_path(ret, detour);
    *ret_folder_fd = TAKE_FD(fd);
    return 0;
}

// Writes the IP address of an internet endpoint, in brackets if it is IPv6.
static void put_ip(const struct endpoint *endpoint, char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 4])
{
    const struct in6_addr *in6 = &endpoint->in6.sin6_addr;
    char digits[INET6_ADDRSTRLEN];
    char interface[IF_NAMESIZE];
    bool is_link_local;

    if (endpoint->sa.sa_family == AF_INET) {
        inet_ntop(AF_INET, &endpoint->in.sin_addr, text, INET_ADDRSTRLEN);
        return;
    }
    if (IN6_IS_ADDR_V4MAPPED(in6)) {
        inet_ntop(AF_INET, &in6->s6_addr[12], text, INET_ADDRSTRLEN);
        return;
    }
    inet_ntop(AF_INET6, in6, digits, sizeof(digits));
    is_link_local =
        endpoint->in6.sin6_scope_id && if_indextoname(endpoint->in6.sin6_scope_id, interface);
    sprintf(text, "[%s%s%s]", digits, is_link_local ? "%" : "", is_link_local ? interface : "");
}

char *address_host(const struct address *address)
{
    char ip[INET6_ADDRSTRLEN + IF_NAMESIZE + 4];
    struct endpoint endpoint;

    if (!address_endpoint(address, &endpoint)) {
        return xstrdup(address->host);
    }
    put_ip(&endpoint, ip);
    return xstrdup(ip);
}

bool address_is_ipv4(const struct endpoint *endpoint)
{
    return endpoint->sa.sa_family == AF_INET ||
           (endpoint->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&endpoint->in6.sin6_addr));
}

bool address_is_any(const struct endpoint *endpoint)
{
    static const uint8_t zeros[4];

    switch (endpoint->sa.sa_family) {
    case AF_INET:
        return endpoint->in.sin_addr.s_addr == htonl(INADDR_ANY);
    case AF_INET6:
        return IN6_IS_ADDR_UNSPECIFIED(&endpoint->in6.sin6_addr) ||
               (address_is_ipv4(endpoint) &&
                !memcmp(&endpoint->in6.sin6_addr.s6_addr[12], zeros, sizeof(zeros)));
    default:
        return false;
    }
}

uint16_t address_port(const struct endpoint *endpoint)
{
    switch (endpoint->sa.sa_family) {
    case AF_INET:
        return ntohs(endpoint->in.sin_port);
    case AF_INET6:
        return ntohs(endpoint->in6.sin6_port);
    default:
        return 0;
    }
}

char *address_peer_name(const struct endpoint *peer, enum address_kind kind)
{
    char ip[INET6_ADDRSTRLEN + IF_NAMESIZE + 4];

    assert(kind != ADDRESS_UNIX);
    put_ip(peer, ip);
    return xasprintf("%s:%s:%u", kind == ADDRESS_TLS ? "ssl" : "tcp", ip, address_port(peer));
}

static char *unix_target(const struct endpoint *endpoint, bool is_passive)
{
    const char *path = endpoint->un.sun_path;
    size_t size = endpoint->size - MIN(endpoint->size, offsetof(struct sockaddr_un, sun_path));
    const char *prefix = is_passive ? "punix:" : "unix:";

    if (!size) {
        return xstrdup(prefix); // the end of a socket pair has no name
    }
    if (!path[0]) {
        return xasprintf("%s@%.*s", prefix, (int)(size - 1), path + 1); // an abstract name
    }
    return xasprintf("%s%.*s", prefix, (int)strnlen(path, size), path);
}

char *address_target(const struct endpoint *endpoint, bool is_passive)
{
    char ip[INET6_ADDRSTRLEN + IF_NAMESIZE + 4];

    switch (endpoint->sa.sa_family) {
    case AF_UNIX:
        return unix_target(endpoint, is_passive);
    case AF_INET:
        if (is_passive && endpoint->in.sin_addr.s_addr == htonl(INADDR_ANY)) {
            return xasprintf("ptcp:%u", address_port(endpoint));
        }
        break;
    case AF_INET6:
        break;
    default:
        return NULL;
    }
    if (!is_passive) {
        return address_peer_name(endpoint, ADDRESS_TCP);
    }
    put_ip(endpoint, ip);
    return xasprintf("ptcp:%u:%s", address_port(endpoint), ip);
}
