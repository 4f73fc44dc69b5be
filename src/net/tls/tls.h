// SPDX-License-Identifier: Apache-2.0
// One TLS session over a non-blocking socket: its handshake, and then a stream (net/stream.h).
#pragma once

#include "net/stream.h"
#include "net/tls/material.h"
#include "net/tls/names.h"

struct tls;

// A session on `fd`, which stays the caller's, and with `material`, whose reference it takes.
// `host`: the name that was dialled, to tell the server if `material` has no other; or NULL.
struct tls *tls_new(struct tls_material *material, int fd, bool is_server, const char *host);
void tls_free(struct tls *tls);
// Goes on with the handshake. 0: it is done. -EAGAIN: *ret_events are the EPOLL events to wait for.
// -EPROTO: it failed, tls_reason() says why; so does -ECONNRESET: the peer left
// without a word. Takes a few milliseconds at most, in cryptography.
int tls_handshake(struct tls *tls, uint32_t *ret_events);
const char *tls_reason(const struct tls *tls);
// The handshake failed only because the CA certificate has just been learnt from it.
bool tls_has_bootstrapped(const struct tls *tls);
// The names in the peer's verified certificate; none if it was not verified.
const struct tls_peer *tls_peer(const struct tls *tls);
struct tls_peer tls_take_peer(struct tls *tls); // they are the caller's from now on
// Version and cipher, for the log. Caller frees.
char *tls_description(const struct tls *tls);
// A stream whose handshake is done. `fd` and `tls` belong to it from now on.
void stream_init_tls(struct stream *stream, int fd, struct tls *tls);
