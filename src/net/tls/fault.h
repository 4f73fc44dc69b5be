// SPDX-License-Identifier: Apache-2.0
// What is wrong with a certificate by itself, in words for people: "certificate CN=a has expired
// ...". NULL: nothing. Caller frees.
#pragma once

#include <gnutls/x509.h>

char *tls_fault_of_dates(gnutls_x509_crt_t certificate);    // expired, or not yet valid
char *tls_fault_of_strength(gnutls_x509_crt_t certificate); // a short key, or a weak signature
// Any of these, or that it cannot serve in a handshake.
char *tls_fault(gnutls_x509_crt_t certificate);
