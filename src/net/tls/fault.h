// SPDX-License-Identifier: Apache-2.0
// Checks of a certificate by itself, without its issuer. Each function returns a sentence for
// people ("certificate CN=a has expired on ..."; caller frees), or NULL if the certificate passes.
#pragma once

#include <gnutls/x509.h>

char *tls_fault_of_dates(gnutls_x509_crt_t certificate);    // expired, or not yet valid
char *tls_fault_of_strength(gnutls_x509_crt_t certificate); // a short key, or a weak signature
// The two above, and whether its key usage allows signatures, which handshakes need.
char *tls_fault(gnutls_x509_crt_t certificate);
