// SPDX-License-Identifier: Apache-2.0
// Protocols and ciphers, named as in OpenSSL, as the priority strings that gnutls wants. The
// ciphers of TLS 1.2 and of TLS 1.3 are chosen apart, but gnutls keeps one list for both: so there
// is a string with all of them to begin with, and one for each version once that is agreed upon.
#pragma once

#include <gnutls/gnutls.h>
#include <stdbool.h>

enum tls_version { TLS_ANY, TLS_12, TLS_13, TLS_N_VERSIONS };

struct tls_priority {
    gnutls_priority_t of[TLS_N_VERSIONS]; // NULL: as TLS_ANY
};

// NULL: the default.
struct tls_choice {
    const char *protocols;    // of "TLSv1.2", "TLSv1.2-TLSv1.3", "TLSv1.2+", with commas or spaces
    const char *ciphers;      // OpenSSL cipher list for TLS 1.2, or gnutls priority string for both
    const char *ciphersuites; // OpenSSL's of TLS 1.3, with colons
};

// The strings; texts[TLS_12] or [TLS_13] is NULL where texts[TLS_ANY] is right; caller frees. 0, or
// -EINVAL with the reason in *ret_error (caller frees).
int tls_priority_texts(const struct tls_choice *choice, char *texts[TLS_N_VERSIONS],
                       char **ret_error);
// The same, ready for gnutls.
int tls_priority_init(struct tls_priority *priority, const struct tls_choice *choice,
                      char **ret_error);
void tls_priority_done(struct tls_priority *priority);
// For a session whose version is `version`.
gnutls_priority_t tls_priority_for(const struct tls_priority *priority, gnutls_protocol_t version);
// True if a session of `version` may use `cipher`.
bool tls_priority_allows(const struct tls_priority *priority, gnutls_protocol_t version,
                         gnutls_cipher_algorithm_t cipher);
