// SPDX-License-Identifier: Apache-2.0
// A TLS session on a non-blocking socket: its handshake, then a stream (net/stream.h).
#pragma once

#include "net/stream.h"
#include "net/tls/material.h"
#include "net/tls/names.h"

struct tls;

// Makes a session on `fd`, which stays the caller's. Takes over one reference to `material`. `host`
// is the host name that was dialed, or NULL. It is sent to the server unless `material` has a
// server name.
struct tls *tls_new(struct tls_material *material, int fd, bool is_server, const char *host);
void tls_free(struct tls *tls); // NULL allowed
// Continues the handshake, for a few milliseconds of cryptography at most. Returns 0 if it is
// complete, and -EAGAIN if it needs one of *ret_events (epoll events) to continue. It has failed
// if this returns -ECONNRESET (the peer closed without having sent anything) or -EPROTO (any other
// reason); tls_reason() describes the failure.
int tls_handshake(struct tls *tls, uint32_t *ret_events);
const char *tls_reason(const struct tls *tls); // "" if nothing has failed
// True if the handshake failed only because it has just provided the missing CA certificate.
bool tls_has_bootstrapped(const struct tls *tls);
// The names in the verified certificate of the peer. Empty if the peer was not verified.
const struct tls_peer *tls_peer(const struct tls *tls);
struct tls_peer tls_take_peer(struct tls *tls); // the same; the caller owns them from now on
// True if the certificate of the peer was verified against our CA. After the handshake.
bool tls_is_verified(const struct tls *tls);
// Returns the version and the cipher, for the log. Caller frees.
char *tls_description(const struct tls *tls);
// Makes a stream of a session whose handshake is complete. The stream takes over `fd` and `tls`.
void stream_init_tls(struct stream *stream, int fd, struct tls *tls);
