// SPDX-License-Identifier: Apache-2.0
// The names in a certificate. Its owner may have put anything there: what leaves this file is UTF-8
// without control characters, fit for logs, databases and comparisons.
#pragma once

#include <gnutls/x509.h>
#include <stdbool.h>

// Those of a verified peer; names that are no text are left out.
struct tls_peer {
    char *cn;    // common name; NULL: none
    char **sans; // subject alternative names: "DNS:a.org", "email:me@a.org", "URI:x:y",
                 // "IP:10.0.0.1"; NULL ends; NULL: none
};

struct tls_peer tls_peer_new(gnutls_x509_crt_t certificate);
void tls_peer_done(struct tls_peer *peer);

// Distinguished names to show to people; what is no text is made so, what is long is cut. Caller
// frees.
char *tls_subject(gnutls_x509_crt_t certificate);
char *tls_issuer(gnutls_x509_crt_t certificate);
