// SPDX-License-Identifier: Apache-2.0
// What people write for protocols and ciphers, as a gnutls priority string.
#pragma once

// `protocols` is a list, separated by commas or blanks, of TLSv1.3 and TLSv1.2; TLSv1.1 and TLSv1,
// which nobody should use any more, are passed over with a warning in the log. `ciphers` is an
// OpenSSL cipher list, or a gnutls priority string (it then begins with a word such as NORMAL or
// SECURE256, or with '@'). NULL: the defaults, TLS 1.3 and 1.2 with forward secrecy and
// authenticated encryption. gnutls combines key exchanges, ciphers and MACs freely, so a list of
// suites allows what their parts can be combined to. 0 with the string in *ret (caller frees), or
// -EINVAL with the reason in *ret_error (caller frees).
int tls_priority(const char *protocols, const char *ciphers, char **ret, char **ret_error);
