// SPDX-License-Identifier: Apache-2.0
// Judging a peer by the certificates it sent, in words that an operator understands.
#pragma once

#include "net/tls/material.h"
#include "net/tls/names.h"

// Judges the peer of `session`, during its handshake. `is_server`: we are the server. 0: it is who
// its certificate says, *ret_peer (the caller's). Negative errno: it is refused, *ret_reason
// (caller frees) says why, and *ret_alert is what the peer may know of that. -EAGAIN: there was no
// CA certificate yet; now there is, made from what the peer sent, and the peer should be met anew.
int tls_verify(gnutls_session_t session, const struct tls_material *material, bool is_server,
               struct tls_peer *ret_peer, gnutls_alert_description_t *ret_alert, char **ret_reason);
