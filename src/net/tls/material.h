// SPDX-License-Identifier: Apache-2.0
// TLS material: the keys, certificates and CRLs that were loaded from the files of the TLS options,
// in the form that gnutls takes. It is complete and consistent: if a file cannot be loaded, or the
// key does not belong to the certificate, there is no material.
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
    bool verifies;        // peers need a certificate that is signed by our CA
    bool needs_bootstrap; // the CA certificate is missing; the next peer's is saved
    char *ca_file;
    char *server_name; // the name that the certificate of a server must have; NULL: any
    gnutls_x509_crl_t *crls;
    unsigned n_crls;
};

// Loads the files. The caller gets one reference. `may_bootstrap`: a missing CA certificate is not
// a failure if the options allow to get it from a peer. Blocks while reading.
struct failure *tls_material_load(const struct tls_options *options, bool may_bootstrap,
                                  struct tls_material **ret);
// Returns why peers will refuse our own certificate at present (caller frees). NULL: they will not,
// or there is none.
char *tls_material_fault(const struct tls_material *material);
struct tls_material *tls_material_ref(struct tls_material *material);
void tls_material_unref(struct tls_material *material); // NULL allowed
