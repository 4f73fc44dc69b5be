// SPDX-License-Identifier: Apache-2.0
// Judging a peer by the certificates it sent, in words that an operator understands.
#pragma once

#include "net/tls_config.h"

// Judges the peer of `session`, during its handshake. 0: it is who its certificate says; *ret_cn is
// its common name, NULL if it has none (caller frees). Negative errno: it is refused, and
// *ret_reason (caller frees) says why. -EAGAIN: there was no CA certificate yet; now there is, made
// from what the peer sent, and the peer should be met anew.
int tls_verify(gnutls_session_t session, const struct tls_material *material, char **ret_cn,
               char **ret_reason);
