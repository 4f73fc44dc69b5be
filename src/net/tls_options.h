// SPDX-License-Identifier: Apache-2.0
// The option group of programs that can speak TLS, used like the one in service/options.h.
#pragma once

#include "net/tls_config.h"

#include <getopt.h>

enum tls_option {
    TLS_OPTION_BOOTSTRAP_CA_CERT = 0x3000,
    TLS_OPTION_PEER_CA_CERT,
    TLS_OPTION_PROTOCOLS,
    TLS_OPTION_CIPHERS,
};

// clang-format off
#define TLS_SHORT_OPTIONS "p:c:C:"
#define TLS_LONG_OPTIONS                                                                           \
    {"private-key", required_argument, NULL, 'p'},                                                 \
    {"certificate", required_argument, NULL, 'c'},                                                 \
    {"ca-cert", required_argument, NULL, 'C'},                                                     \
    {"bootstrap-ca-cert", required_argument, NULL, TLS_OPTION_BOOTSTRAP_CA_CERT},                  \
    {"peer-ca-cert", required_argument, NULL, TLS_OPTION_PEER_CA_CERT},                            \
    {"ssl-protocols", required_argument, NULL, TLS_OPTION_PROTOCOLS},                              \
    {"ssl-ciphers", required_argument, NULL, TLS_OPTION_CIPHERS}
// clang-format on

// Takes the option `c` of getopt_long() with its argument. File names become absolute: a daemon
// changes its folder. 1: taken; 0: not one of these; negative errno: wrong, with the reason in
// *ret_error (caller frees).
int tls_options_handle(struct tls_options *options, int c, const char *argument, char **ret_error);
// Prints the help text of the group to standard output.
void tls_options_help(const char *program);
