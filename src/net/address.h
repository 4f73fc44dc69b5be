// SPDX-License-Identifier: Apache-2.0
// Targets: the words people write for where to listen or to connect, and back.
#pragma once

#include "basic/alloc.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ADDRESS_DEFAULT_PORT 6640

enum address_kind { ADDRESS_UNIX, ADDRESS_TCP, ADDRESS_TLS };

struct address {
    enum address_kind kind;
    bool is_passive;
    char *path; // ADDRESS_UNIX: as written
    char *host; // without brackets; NULL: any (passive only)
    uint16_t port;
};

// Where to bind or connect a socket.
struct endpoint {
    socklen_t size;
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        struct sockaddr_storage storage;
    };
};

// Forms: "punix:FILE", "unix:FILE", "ptcp:[PORT][:IP]", "tcp:HOST[:PORT]", and pssl and ssl like
// ptcp and tcp. IPv6 addresses stand in brackets. 0, or -EINVAL with the reason in *ret_error
// (caller frees; may be NULL).
int address_parse(const char *target, struct address *ret, char **ret_error);
void address_done(struct address *address);

// The endpoint of a TCP or TLS address whose host is a number or any; false: it is a name.
bool address_endpoint(const struct address *address, struct endpoint *ret);
// Its host is a name.
bool address_is_name(const struct address *address);

// The endpoint of a socket file; a relative `path` is one in the run directory. A path too long for
// a socket address is reached through its opened folder: *ret_folder_fd must stay open until the
// endpoint has been used (-1: none is needed). 0 or negative errno.
int address_unix_endpoint(const char *path, struct endpoint *ret, int *ret_folder_fd);

// How the log names an internet peer: "tcp:192.0.2.1:40000", "ssl:[2001:db8::1]:40000"; `kind` is
// ADDRESS_TCP or ADDRESS_TLS. Caller frees.
char *address_peer_name(const struct endpoint *peer, enum address_kind kind);
// The target that describes a socket: of where it listens (`is_passive`) or whom it is connected
// to. NULL if the endpoint is of no kind that has a target. Caller frees.
char *address_target(const struct endpoint *endpoint, bool is_passive);
uint16_t address_port(const struct endpoint *endpoint); // 0: none
// The host of a TCP or TLS address, written in one way only: a number as the C library prints it
// (an IPv6 one in brackets), any address of a passive one as "0.0.0.0", a name as it is. Caller
// frees.
char *address_host(const struct address *address);
// The endpoint is every address of its family; IPv4 may be written as IPv6 ("::ffff:0.0.0.0").
bool address_is_any(const struct endpoint *endpoint);
// It is of IPv4, or an IPv4 address written as IPv6.
bool address_is_ipv4(const struct endpoint *endpoint);
