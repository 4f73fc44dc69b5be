// SPDX-License-Identifier: Apache-2.0
// Translates OpenSSL cipher lists to parts of a gnutls priority string: ":+NAME" for each key
// exchange, cipher and MAC that a list enables.
#pragma once

#include "basic/buf.h"
#include "basic/failure.h"

struct tls_ciphers {          // zeroed: none
    struct buf key_exchanges; // of TLS 1.2
    struct buf ciphers;       // of TLS 1.2
    struct buf macs;          // of TLS 1.2
    struct buf ciphers_13;    // of TLS 1.3
    unsigned level;           // OpenSSL's security level, 0 to 5; 0: not set, which means 2
};

void tls_ciphers_done(struct tls_ciphers *ciphers);
// Appends what an OpenSSL cipher list enables of TLS 1.2.
struct failure *tls_ciphers_parse(const char *list, struct tls_ciphers *ciphers);
// Appends the ciphers of a list of TLS 1.3 cipher suites, separated by colons.
struct failure *tls_ciphers_parse_suites(const char *list, struct tls_ciphers *ciphers);
