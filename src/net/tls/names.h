// SPDX-License-Identifier: Apache-2.0
// The names in a certificate. A certificate may contain any bytes; these functions return only
// UTF-8 without control characters, which is safe for logs, databases and comparisons.
#pragma once

#include <gnutls/x509.h>
#include <stdbool.h>

// The names of a verified peer. Names that are not UTF-8, or have control characters, are left out.
struct tls_peer {
    char *cn;    // common name; NULL: none
    char **sans; // subject alternative names: "DNS:a.org", "email:me@a.org", "URI:x:y",
                 // "IP:10.0.0.1"; ended by NULL; NULL: none
};

struct tls_peer tls_peer_new(gnutls_x509_crt_t certificate);
void tls_peer_done(struct tls_peer *peer);

// The distinguished names of subject and issuer, to show to people. Bytes that are not printable
// UTF-8 become "?", long names are cut. Caller frees.
char *tls_subject(gnutls_x509_crt_t certificate);
char *tls_issuer(gnutls_x509_crt_t certificate);
