// SPDX-License-Identifier: Apache-2.0
/* TLS for the client side of a benchmark. */
#pragma once

#include <gnutls/gnutls.h>
#include <sys/types.h>

/* Dials "ssl:PORT:PREFIX" on this host and shakes hands; PREFIX-key.pem and PREFIX-cert.pem are who
 * we are. Returns the session, over a socket that does not block; ends the program if it cannot. */
gnutls_session_t secure_connect(const char *target, int *ret_fd);
void secure_free(gnutls_session_t session);
/* As recv() and send() that do not block. */
ssize_t secure_recv(gnutls_session_t session, void *data, size_t size);
ssize_t secure_send(gnutls_session_t session, const void *data, size_t size);
