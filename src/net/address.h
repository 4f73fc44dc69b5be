// SPDX-License-Identifier: Apache-2.0
// Targets, such as "ptcp:6640:127.0.0.1", and the socket addresses that they stand for.
#pragma once

#include "basic/alloc.h"
#include "basic/failure.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ADDRESS_DEFAULT_PORT 6640

enum address_kind { ADDRESS_UNIX, ADDRESS_TCP, ADDRESS_TLS };

struct address {
    enum address_kind kind;
    bool is_passive; // to listen at; otherwise to connect to
    char *path;      // of ADDRESS_UNIX, as written
    char *host;      // without brackets; NULL: any (passive only)
    uint16_t port;
};

// A socket address.
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

// Parses "punix:FILE", "unix:FILE", "ptcp:[PORT][:IP]", "tcp:HOST[:PORT]", "pssl:[PORT][:IP]" or
// "ssl:HOST[:PORT]". IPv6 addresses stand in brackets. Fails with FAILURE_INVALID. Free *ret with
// address_done().
struct failure *address_parse(const char *target, struct address *ret);
void address_done(struct address *address);

// Stores the endpoint of a TCP or TLS address (asserted) whose host is a number or any. Returns
// false if the host is a name, or a link-local address whose network interface does not exist.
bool address_endpoint(const struct address *address, struct endpoint *ret);
// True if address_endpoint() returns false.
bool address_is_name(const struct address *address);

// Stores the endpoint of a socket file. A relative `path` is one in the run directory. A path too
// long for a socket address is reached through its opened folder: *ret_folder_fd must stay open
// until the endpoint has been used (-1: not needed). Returns 0 or negative errno.
int address_unix_endpoint(const char *path, struct endpoint *ret, int *ret_folder_fd);

// Returns the name of an internet peer in the log: "tcp:192.0.2.1:40000",
// "ssl:[2001:db8::1]:40000". `kind` is ADDRESS_TCP or ADDRESS_TLS (asserted). Caller frees.
char *address_peer_name(const struct endpoint *peer, enum address_kind kind);
// Returns the target of a socket: where it listens (`is_passive`), or the peer it is connected to.
// NULL if no target exists for its address family. Caller frees.
char *address_target(const struct endpoint *endpoint, bool is_passive);
uint16_t address_port(const struct endpoint *endpoint); // 0: none
// Returns the host of a TCP or TLS address in its only normalized form: a number as the C library
// prints it (IPv6 in brackets); "0.0.0.0" for any; a name as it is. Caller frees.
char *address_host(const struct address *address);
// True if the endpoint is the any-address of its family. That of IPv4 may be mapped to IPv6
// ("::ffff:0.0.0.0").
bool address_is_any(const struct endpoint *endpoint);
// True if the endpoint is an IPv4 address, possibly mapped to IPv6.
bool address_is_ipv4(const struct endpoint *endpoint);
