// SPDX-License-Identifier: Apache-2.0
#include "service/syslog_target.h"

#include "basic/alloc.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/syslog.h>
#include <sys/un.h>

enum method { METHOD_NULL, METHOD_LIBC, METHOD_SOCKET };

struct syslog_target {
    enum method method;
    int fd; // METHOD_SOCKET; -1 while not connected
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } address;
    socklen_t address_size;
};

// Parses "IP:PORT", with an IPv6 address in brackets.
static bool parse_udp(const char *text, struct syslog_target *target)
{
    const char *colon = strrchr(text, ':');
    struct sockaddr_in *in = &target->address.in;
    struct sockaddr_in6 *in6 = &target->address.in6;
    char ip[INET6_ADDRSTRLEN + 2];
    char *end;
    unsigned long port;
    size_t size;

    if (!colon || (size_t)(colon - text) >= sizeof(ip)) {
        return false;
    }
    port = strtoul(colon + 1, &end, 10);
    if (*end || end == colon + 1 || port < 1 || port > 65535) {
        return false;
    }
    size = (size_t)(colon - text);
    memcpy(ip, text, size);
    ip[size] = '\0';
    if (ip[0] == '[' && size > 2 && ip[size - 1] == ']') {
        ip[size - 1] = '\0';
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        target->address_size = sizeof(*in6);
        return inet_pton(AF_INET6, ip + 1, &in6->sin6_addr) == 1;
    }
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    target->address_size = sizeof(*in);
    return inet_pton(AF_INET, ip, &in->sin_addr) == 1;
}

static bool parse_unix(const char *path, struct syslog_target *target)
{
    struct sockaddr_un *un = &target->address.un;

    if (!path[0] || strlen(path) >= sizeof(un->sun_path)) {
        return false;
    }
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, strlen(path) + 1);
    target->address_size = sizeof(*un);
    return true;
}

static bool parse_method(const char *method, struct syslog_target *target)
{
    if (!strcmp(method, "null")) {
        target->method = METHOD_NULL;
        return true;
    }
    if (!strcmp(method, "libc")) {
        target->method = METHOD_LIBC;
        return true;
    }
    target->method = METHOD_SOCKET;
    if (!strncmp(method, "unix:", 5)) {
        return parse_unix(method + 5, target);
    }
    return !strncmp(method, "udp:", 4) && parse_udp(method + 4, target);
}

struct failure *syslog_target_new(const char *method, const char *program,
                                  struct syslog_target **ret)
{
    struct syslog_target *target = NEW(struct syslog_target);

    target->fd = -1;
    if (!parse_method(method, target)) {
        syslog_target_free(target);
        return failure_new(FAILURE_INVALID,
                           "%s: not a syslog method (libc, null, unix:FILE or udp:IP:PORT)",
                           method);
    }
    if (target->method == METHOD_LIBC) {
        openlog(program, 0, LOG_DAEMON);
    }
    *ret = target;
    return NULL;
}

void syslog_target_free(struct syslog_target *target)
{
    if (!target) {
        return;
    }
    if (target->method == METHOD_LIBC) {
        closelog();
    }
    if (target->fd >= 0) {
        close(target->fd);
    }
    free(target);
}

const char *syslog_target_prefix(const struct syslog_target *target)
{
    return target->method == METHOD_SOCKET ? "<%B>" : "";
}

// Returns the connected socket, or -1 if it cannot be connected.
static int socket_of(struct syslog_target *target)
{
    if (target->fd < 0) {
        int fd =
            socket(target->address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd >= 0 && connect(fd, &target->address.any, target->address_size)) {
            close(fd);
            fd = -1;
        }
        target->fd = fd;
    }
    return target->fd;
}

void syslog_target_send(struct syslog_target *target, int priority, struct slice line)
{
    if (target->method == METHOD_LIBC) {
        syslog(priority, SLICE_FORMAT, SLICE_ARGS(line));
    } else if (target->method == METHOD_SOCKET && socket_of(target) >= 0) {
        if (send(target->fd, line.data, line.size, MSG_NOSIGNAL) < 0 && errno != EAGAIN &&
            errno != EMSGSIZE) {
            close(TAKE_FD(target->fd)); // the receiver is gone; the next message connects again
        }
    }
}

static const struct {
    const char *name;
    int facility;
} facilities[] = {
    {"kern", LOG_KERN},     {"user", LOG_USER},     {"mail", LOG_MAIL},     {"daemon", LOG_DAEMON},
    {"auth", LOG_AUTH},     {"syslog", LOG_SYSLOG}, {"lpr", LOG_LPR},       {"news", LOG_NEWS},
    {"uucp", LOG_UUCP},     {"clock", 9 << 3},      {"ftp", 11 << 3},       {"ntp", 12 << 3},
    {"audit", 13 << 3},     {"alert", 14 << 3},     {"clock2", 15 << 3},    {"local0", LOG_LOCAL0},
    {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4},
    {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7},
};

int syslog_facility_parse(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(facilities); i++) {
        if (!strcasecmp(facilities[i].name, name)) {
            return facilities[i].facility;
        }
    }
    return -1;
}

const char *syslog_facility_name(int facility)
{
    size_t i = 0;

    while (facilities[i].facility != facility) {
        i++;
        assert(i < ARRAY_SIZE(facilities));
    }
    return facilities[i].name;
}
