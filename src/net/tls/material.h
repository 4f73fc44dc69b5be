// SPDX-License-Identifier: Apache-2.0
// What the files of the TLS options held when they were loaded: keys, certificates, CRLs, in the
// form that gnutls takes. All of it or nothing: a key and a certificate that do not belong together
// make no material.
#pragma once

#include "net/tls/options.h"
#include "net/tls/priority.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>

struct tls_material {
    unsigned n_refs;
    gnutls_certificate_credentials_t credentials;
    struct tls_priority priority;
    bool verifies; // peers need a certificate
    // The CA certificate is not there: it comes from the next peer.
    bool needs_bootstrap;
    char *ca_file;
    char *server_name; // what a server must be called; NULL: its name does not matter
    gnutls_x509_crl_t *crls;
    unsigned n_crls;
};

// Loads everything; one reference is the caller's. `may_bootstrap`: a CA certificate that is not
// there may come from a peer. 0, or negative errno with the reason in *ret_error (caller frees).
// Blocks for reading.
int tls_material_load(const struct tls_options *options, bool may_bootstrap,
                      struct tls_material **ret, char **ret_error);
// What peers will not like about our own certificate, now; NULL: nothing, or there is none. Caller
// frees.
char *tls_material_fault(const struct tls_material *material);
struct tls_material *tls_material_ref(struct tls_material *material);
void tls_material_unref(struct tls_material *material); // NULL allowed
