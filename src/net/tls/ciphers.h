// SPDX-License-Identifier: Apache-2.0
// Cipher lists in OpenSSL's words, taken apart into pieces of a gnutls priority string: ":+NAME"
// for each key exchange, cipher and MAC that they enable.
#pragma once

#include "basic/buf.h"

struct tls_ciphers {          // zeroed: none
    struct buf key_exchanges; // these three for TLS 1.2
    struct buf ciphers;
    struct buf macs;
    struct buf ciphers_13;
    unsigned level; // OpenSSL's security level, 0..5; 0: it was not said, which is as 2
};

void tls_ciphers_done(struct tls_ciphers *ciphers);
// An OpenSSL cipher list: what of TLS 1.2 it enables is appended. 0, or -EINVAL with the reason in
// *ret_error (caller frees).
int tls_ciphers_parse(const char *list, struct tls_ciphers *ciphers, char **ret_error);
// The same for names of cipher suites of TLS 1.3, with colons.
int tls_ciphers_parse_suites(const char *list, struct tls_ciphers *ciphers, char **ret_error);
