// SPDX-License-Identifier: Apache-2.0
// Translates protocols and ciphers, named as in OpenSSL, to gnutls priority strings. OpenSSL has
// separate lists of ciphers for TLS 1.2 and TLS 1.3, gnutls has one list for both. Therefore a
// handshake begins with a string for all versions, and uses the string for one version once the
// version is negotiated.
#pragma once

#include "basic/failure.h"

#include <gnutls/gnutls.h>
#include <stdbool.h>

enum tls_version { TLS_ANY, TLS_12, TLS_13, TLS_N_VERSIONS };

struct tls_priority {
    gnutls_priority_t of[TLS_N_VERSIONS]; // NULL: that of TLS_ANY is used
};

// A member that is NULL stands for the default.
struct tls_choice {
    const char *protocols;    // of "TLSv1.2", "TLSv1.2-TLSv1.3", "TLSv1.2+", with commas or spaces
    const char *ciphers;      // OpenSSL cipher list for TLS 1.2, or gnutls priority string for both
    const char *ciphersuites; // OpenSSL's suites of TLS 1.3, separated by colons
};

// Stores the strings (caller frees). texts[TLS_12] or texts[TLS_13] is NULL where texts[TLS_ANY]
// serves.
struct failure *tls_priority_texts(const struct tls_choice *choice, char *texts[TLS_N_VERSIONS]);
// Makes the priorities of the same strings. tls_priority_done() must follow, also after a failure.
struct failure *tls_priority_init(struct tls_priority *priority, const struct tls_choice *choice);
void tls_priority_done(struct tls_priority *priority);
// Returns the priority for a session that has negotiated `version`. Borrowed.
gnutls_priority_t tls_priority_for(const struct tls_priority *priority, gnutls_protocol_t version);
// True if a session of `version` may use `cipher`.
bool tls_priority_allows(const struct tls_priority *priority, gnutls_protocol_t version,
                         gnutls_cipher_algorithm_t cipher);
