// SPDX-License-Identifier: Apache-2.0
// What programs that can speak TLS are told about it, and their option group, used like the one in
// service/options.h.
#pragma once

#include <getopt.h>
#include <stdbool.h>

struct tls_options {
    char *private_key;      // PEM file, or the "pkcs11:" URL of a key in a token
    char *certificate;      // PEM file, may hold its whole chain
    char *ca_cert;          // PEM file, or "none": peers are not verified; may hold CRLs too
    bool bootstrap_ca_cert; // a missing `ca_cert` is fetched from the first peer
    char *peer_ca_cert;     // PEM file with certificates to send after our own
    char *crl;              // PEM file with CRLs
    char *protocols;        // see net/tls/priority.h
    char *ciphers;
    char *ciphersuites;
    char *server_name; // what a server that we dial must be called
};

#define TLS_MAX_FILES 5
#define TLS_N_TEXTS   9

void tls_options_done(struct tls_options *options);
bool tls_options_are_set(const struct tls_options *options); // any of them
bool tls_options_are_equal(const struct tls_options *a, const struct tls_options *b);
struct tls_options tls_options_copy(const struct tls_options *options);
// Where the texts are, all but `bootstrap_ca_cert`; first the files, as tls_options_files() has
// them.
void tls_options_texts(struct tls_options *options, char **ret[TLS_N_TEXTS]);
// Peers need a certificate.
bool tls_options_verify(const struct tls_options *options);
// The private key `name` is in a token, which a PKCS#11 module reaches in ways of its own.
bool tls_options_is_token(const char *name);
// The files that are named, borrowed; NULL for an option that is not given, or names no file.
void tls_options_files(const struct tls_options *options, const char *files[TLS_MAX_FILES]);

enum tls_option {
    TLS_OPTION_BOOTSTRAP_CA_CERT = 0x3000,
    TLS_OPTION_PEER_CA_CERT,
    TLS_OPTION_CRL,
    TLS_OPTION_PROTOCOLS,
    TLS_OPTION_CIPHERS,
    TLS_OPTION_CIPHERSUITES,
    TLS_OPTION_SERVER_NAME,
};

// clang-format off
#define TLS_SHORT_OPTIONS "p:c:C:"
#define TLS_LONG_OPTIONS                                                                           \
    {"private-key", required_argument, NULL, 'p'},                                                 \
    {"certificate", required_argument, NULL, 'c'},                                                 \
    {"ca-cert", required_argument, NULL, 'C'},                                                     \
    {"bootstrap-ca-cert", required_argument, NULL, TLS_OPTION_BOOTSTRAP_CA_CERT},                  \
    {"peer-ca-cert", required_argument, NULL, TLS_OPTION_PEER_CA_CERT},                            \
    {"ssl-crl", required_argument, NULL, TLS_OPTION_CRL},                                          \
    {"ssl-protocols", required_argument, NULL, TLS_OPTION_PROTOCOLS},                              \
    {"ssl-ciphers", required_argument, NULL, TLS_OPTION_CIPHERS},                                  \
    {"ssl-ciphersuites", required_argument, NULL, TLS_OPTION_CIPHERSUITES},                        \
    {"ssl-server-name", required_argument, NULL, TLS_OPTION_SERVER_NAME}
// clang-format on

// Takes the option `c` of getopt_long() with its argument. File names become absolute: a daemon
// changes its folder; "credential:NAME" is the service's credential of that name
// ($CREDENTIALS_DIRECTORY/NAME). "db:..." stays as it is, for those who can read a database. 1:
// taken; 0: not one of these; negative errno: wrong, with the reason in *ret_error (caller frees).
int tls_options_handle(struct tls_options *options, int c, const char *argument, char **ret_error);
// Prints the help text of the group to standard output.
void tls_options_help(const char *program);
