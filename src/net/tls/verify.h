// SPDX-License-Identifier: Apache-2.0
// Verifies a peer by the certificates that it sent, with reasons that an operator understands.
#pragma once

#include "net/tls/material.h"
#include "net/tls/names.h"

// Verifies the peer of `session` during its handshake. `is_server`: we are the server. Returns 0
// and the names of the peer in *ret_peer (the caller owns them); or negative errno with the reason
// in *ret_reason (caller frees) and the alert to send in *ret_alert. -EAGAIN: the CA certificate
// was missing and has been saved from the peer's chain; the connection should be made again.
int tls_verify(gnutls_session_t session, const struct tls_material *material, bool is_server,
               struct tls_peer *ret_peer, gnutls_alert_description_t *ret_alert, char **ret_reason);
