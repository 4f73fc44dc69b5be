// SPDX-License-Identifier: Apache-2.0
// Who we are and whom we trust: keys, certificates and ciphers of all TLS connections of a net.
// The files are loaded together: either all of what they hold now is used for new connections, or
// all of what they held before. Connections that exist are not disturbed.
#pragma once

#include "basic/clock.h"

#include <gnutls/gnutls.h>
#include <stdbool.h>

struct tls_options {
    char *private_key;      // PEM file
    char *certificate;      // PEM file, may hold its whole chain
    char *ca_cert;          // PEM file, or "none": peers are not verified
    bool bootstrap_ca_cert; // a missing `ca_cert` is fetched from the first peer
    char *peer_ca_cert;     // PEM file with certificates to send after our own
    char *protocols;        // see net/tls_priority.h
    char *ciphers;
};

void tls_options_done(struct tls_options *options);
bool tls_options_are_set(const struct tls_options *options); // any of them

struct tls_config;

// What the files held when they were loaded.
struct tls_material {
    unsigned n_refs;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
    bool verifies; // peers need a certificate
    // The CA certificate is not there: it comes from the next peer.
    bool needs_bootstrap;
    char *ca_file;
};

void tls_material_unref(struct tls_material *material);

// Loads the files; `options` is copied. 0, or negative errno with the reason in *ret_error (caller
// frees): an option is wrong, or a file is.
int tls_config_new(const struct tls_options *options, struct tls_config **ret, char **ret_error);
void tls_config_free(struct tls_config *config);
// NULL, or which options are missing for TLS connections to be possible (static).
const char *tls_config_lacks(const struct tls_config *config);
// The material for a new connection, a reference for the caller. Looks, not more often than once a
// second, whether a file has changed, and loads them again if so.
struct tls_material *tls_config_get(struct tls_config *config, usec_t now);
// Loads the files again now. Those in use stay in use if that fails; the log says so either way.
void tls_config_reload(struct tls_config *config);
