// SPDX-License-Identifier: Apache-2.0
// The TLS options of programs, and the group of command line options that sets them. The group is
// used like the one in service/options.h.
#pragma once

#include "basic/failure.h"

#include <getopt.h>
#include <stdbool.h>

struct tls_options {
    char *private_key;      // PEM file, or the "pkcs11:" URL of a key in a token
    char *certificate;      // PEM file, may hold its whole chain
    char *ca_cert;          // PEM file, may hold CRLs too; or "none": peers are not verified
    bool bootstrap_ca_cert; // if the file `ca_cert` is missing, the first peer's CA is saved there
    char *peer_ca_cert;     // PEM file with certificates to send after our own
    char *crl;              // PEM file with CRLs
    char *protocols;        // see net/tls/priority.h
    char *ciphers;
    char *ciphersuites;
    char *server_name; // the name that the certificate of a server must have
};

#define TLS_MAX_FILES 5
#define TLS_N_TEXTS   9

void tls_options_done(struct tls_options *options);
bool tls_options_are_set(const struct tls_options *options); // any of them
bool tls_options_are_equal(const struct tls_options *a, const struct tls_options *b);
struct tls_options tls_options_copy(const struct tls_options *options);
// Stores pointers to all members of type char *. The first TLS_MAX_FILES are those of
// tls_options_files(), in the same order.
void tls_options_texts(struct tls_options *options, char **ret[TLS_N_TEXTS]);
// True if peers are verified.
bool tls_options_verify(const struct tls_options *options);
// True if `name` is the URL of a private key in a token, which only a PKCS#11 module can access.
bool tls_options_is_token(const char *name);
// Stores the names of the files, borrowed. NULL: the option is not set, or its value is not a file.
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

// Handles the option `c` of getopt_long() with its argument. File names are made absolute, because
// a daemon changes its folder. "credential:NAME" becomes $CREDENTIALS_DIRECTORY/NAME. "db:..." is
// not changed; the server reads it from a database. Returns false if it is not an option of this
// group. Stores NULL in *ret_failure, or why the argument is refused.
bool tls_options_handle(struct tls_options *options, int c, const char *argument,
                        struct failure **ret_failure);
// Prints the help text of the group to standard output.
void tls_options_help(const char *program);
