// SPDX-License-Identifier: Apache-2.0
#include "net/tls/material.h"

#include "basic/alloc.h"
#include "basic/buf.h"
#include "basic/file.h"
#include "net/tls/fault.h"

#include <assert.h>
#include <gnutls/abstract.h>
#include <string.h>

#define MAX_FILE (16 * 1024 * 1024)

static void cleanup_datum(gnutls_datum_t *datum)
{
    if (datum->data) {
        gnutls_memset(datum->data, 0, datum->size);
        free(datum->data);
    }
}

static void cleanup_key(gnutls_privkey_t *key)
{
    if (*key) {
        gnutls_privkey_deinit(*key);
    }
}

#define _cleanup_datum_ _cleanup_(cleanup_datum)

static struct failure *invalid_file(const char *file, const char *what, int error)
{
    return failure_new(FAILURE_INVALID, "%s: %s: %s", file, what, gnutls_strerror(error));
}

static struct failure *read_pem(const char *file, const char *what, gnutls_datum_t *ret)
{
    struct buf text = {0};
    int r = file_read_soon(file, MAX_FILE, &text);

    if (r < 0) {
        buf_done(&text);
        return failure_from_errno(r, "%s: cannot read the %s", file, what);
    }
    ret->size = (unsigned)text.size;
    ret->data = (unsigned char *)buf_steal(&text);
    return NULL;
}

static bool pem_contains(const gnutls_datum_t *pem, const char *text)
{
    return memmem(pem->data, pem->size, text, strlen(text));
}

static struct failure *import_key_file(gnutls_privkey_t key, const char *name)
{
    _cleanup_datum_ gnutls_datum_t pem = {0};
    struct failure *failure = read_pem(name, "private key", &pem);
    int r;

    if (failure) {
        return failure;
    }
    r = gnutls_privkey_import_x509_raw(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (r >= 0) {
        return NULL;
    }
    if (pem_contains(&pem, "ENCRYPTED")) { // in the heading (PKCS #8) or below (RFC 1421)
        return failure_new(FAILURE_INVALID,
                           "%s: cannot use the private key: it is protected by a password", name);
    }
    return invalid_file(name,
                        pem_contains(&pem, "PRIVATE KEY-----")
                            ? "the private key is damaged, or of a kind that is not supported"
                            : "no private key in PEM form",
                        r);
}

static struct failure *import_key(gnutls_privkey_t key, const char *name)
{
    // The part after "?" is not logged, as it may contain the PIN.
    _cleanup_free_ char *shown = xstrndup(name, strcspn(name, "?"));
    int r;

    if (!tls_options_is_token(name)) {
        return import_key_file(key, name);
    }
    r = gnutls_privkey_import_url(key, name, 0);
    return r < 0 ? invalid_file(shown, "cannot use the private key", r) : NULL;
}

struct certificates {
    gnutls_x509_crt_t *list;
    unsigned n;
};

static void certificates_done(struct certificates *certificates)
{
    for (unsigned i = 0; i < certificates->n; i++) {
        gnutls_x509_crt_deinit(certificates->list[i]);
    }
    gnutls_free(certificates->list);
}

#define _cleanup_certificates_ _cleanup_(certificates_done)

static struct failure *parse_certificates(const gnutls_datum_t *pem, const char *file,
                                          const char *what, struct certificates *ret)
{
    int r = gnutls_x509_crt_list_import2(&ret->list, &ret->n, pem, GNUTLS_X509_FMT_PEM, 0);

    return r < 0 ? failure_new(FAILURE_INVALID, "%s: no %s in PEM form: %s", file, what,
                               gnutls_strerror(r))
                 : NULL;
}

static struct failure *read_certificates(const char *file, const char *what,
                                         struct certificates *ret)
{
    _cleanup_datum_ gnutls_datum_t pem = {0};
    struct failure *failure = read_pem(file, what, &pem);

    return failure ? failure : parse_certificates(&pem, file, what, ret);
}

static bool is_key_of(gnutls_privkey_t key, gnutls_x509_crt_t certificate)
{
    unsigned char ids[2][64];
    size_t sizes[2] = {sizeof(ids[0]), sizeof(ids[1])};
    gnutls_pubkey_t public_key;
    int r;

    gnutls_pubkey_init(&public_key);
    r = gnutls_pubkey_import_privkey(public_key, key, 0, 0);
    if (r >= 0) {
        r = gnutls_pubkey_get_key_id(public_key, GNUTLS_KEYID_USE_SHA256, ids[0], &sizes[0]);
    }
    gnutls_pubkey_deinit(public_key);
    return r >= 0 &&
           gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, ids[1], &sizes[1]) >=
               0 &&
           sizes[0] == sizes[1] && !memcmp(ids[0], ids[1], sizes[0]);
}

// Sets the key and what is sent to peers: our certificate, the chain to its CA, and the extra
// certificates, in this order.
static int install_chain(struct tls_material *material, gnutls_privkey_t *key,
                         const struct certificates *chain, const struct certificates *extra)
{
    unsigned n = chain->n + extra->n;
    gnutls_x509_crt_t *all = NEW_ARRAY(gnutls_x509_crt_t, n);
    gnutls_pcert_st *sent = gnutls_calloc(n, sizeof(*sent));
    int r;

    for (unsigned i = 0; i < n; i++) {
        all[i] = i < chain->n ? chain->list[i] : extra->list[i - chain->n];
    }
    r = gnutls_pcert_import_x509_list(sent, all, &n, GNUTLS_X509_CRT_LIST_SORT);
    free(all);
    if (r < 0) {
        gnutls_free(sent);
        return r;
    }
    r = gnutls_certificate_set_key(material->credentials, NULL, 0, sent, (int)n, *key);
    *key = NULL; // the credentials own the key and the contents of `sent`, even on an error
    gnutls_free(sent);
    return r;
}

static struct failure *load_identity(struct tls_material *material,
                                     const struct tls_options *options)
{
    _cleanup_certificates_ struct certificates chain = {0};
    _cleanup_certificates_ struct certificates extra = {0};
    _cleanup_(cleanup_key) gnutls_privkey_t key = NULL;
    struct failure *failure;
    int r;

    if (!options->private_key || !options->certificate) {
        return NULL;
    }
    gnutls_privkey_init(&key);
    failure = import_key(key, options->private_key);
    if (!failure) {
        failure = read_certificates(options->certificate, "certificate", &chain);
    }
    if (!failure && options->peer_ca_cert) {
        failure = read_certificates(options->peer_ca_cert, "certificate", &extra);
    }
    if (failure) {
        return failure;
    }
    if (!is_key_of(key, chain.list[0])) {
        return failure_new(
            FAILURE_INVALID, "the private key in %.*s is not that of the certificate in %s",
            (int)strcspn(options->private_key, "?"), options->private_key, options->certificate);
    }
    r = install_chain(material, &key, &chain, &extra);
    return r < 0 ? invalid_file(options->certificate, "certificate", r) : NULL;
}

static struct failure *add_crls(struct tls_material *material, const gnutls_datum_t *pem,
                                const char *file)
{
    gnutls_x509_crl_t *list = NULL;
    unsigned n = 0;
    int r = gnutls_x509_crl_list_import2(&list, &n, pem, GNUTLS_X509_FMT_PEM, 0);

    if (r < 0) {
        return invalid_file(file, "no CRL in PEM form", r);
    }
    r = gnutls_certificate_set_x509_crl(material->credentials, list, (int)n);
    material->crls = xreallocarray(material->crls, material->n_crls + n, sizeof(*material->crls));
    memcpy(material->crls + material->n_crls, list, n * sizeof(*list));
    material->n_crls += n;
    gnutls_free(list);
    return r < 0 ? invalid_file(file, "CRL", r) : NULL;
}

static struct failure *load_crls(struct tls_material *material, const struct tls_options *options)
{
    _cleanup_datum_ gnutls_datum_t pem = {0};
    struct failure *failure;

    if (!options->crl) {
        return NULL;
    }
    failure = read_pem(options->crl, "CRL", &pem);
    return failure ? failure : add_crls(material, &pem, options->crl);
}

// Sets the CA certificates, and the CRLs in the same file.
static struct failure *set_trust(struct tls_material *material, const gnutls_datum_t *pem,
                                 const char *file)
{
    _cleanup_certificates_ struct certificates certificates = {0};
    struct failure *failure = parse_certificates(pem, file, "CA certificate", &certificates);
    int r;

    if (failure) {
        return failure;
    }
    r = gnutls_certificate_set_x509_trust(material->credentials, certificates.list,
                                          (int)certificates.n);
    if (r < 0) {
        return invalid_file(file, "CA certificate", r);
    }
    return pem_contains(pem, "-----BEGIN X509 CRL-----") ? add_crls(material, pem, file) : NULL;
}

static struct failure *load_trust(struct tls_material *material, const struct tls_options *options,
                                  bool may_bootstrap)
{
    _cleanup_datum_ gnutls_datum_t pem = {0};
    struct failure *failure;

    material->verifies = tls_options_verify(options);
    if (!material->verifies) {
        return NULL;
    }
    material->ca_file = xstrdup(options->ca_cert);
    failure = read_pem(options->ca_cert, "CA certificate", &pem);
    if (failure && failure_kind(failure) == FAILURE_MISSING && options->bootstrap_ca_cert &&
        may_bootstrap) {
        failure_free(failure);
        material->needs_bootstrap = true;
        return NULL;
    }
    if (!failure) {
        failure = set_trust(material, &pem, options->ca_cert);
    }
    return failure ? failure : load_crls(material, options);
}

struct failure *tls_material_load(const struct tls_options *options, bool may_bootstrap,
                                  struct tls_material **ret)
{
    struct tls_material *material = NEW(struct tls_material);
    const struct tls_choice choice = {options->protocols, options->ciphers, options->ciphersuites};
    struct failure *failure;

    material->n_refs = 1;
    material->server_name = options->server_name ? xstrdup(options->server_name) : NULL;
    gnutls_certificate_allocate_credentials(&material->credentials);
    gnutls_certificate_set_known_dh_params(material->credentials, GNUTLS_SEC_PARAM_MEDIUM);
    failure = tls_priority_init(&material->priority, &choice);
    if (!failure) {
        failure = load_identity(material, options);
    }
    if (!failure) {
        failure = load_trust(material, options, may_bootstrap);
    }
    if (failure) {
        tls_material_unref(material);
        return failure;
    }
    *ret = material;
    return NULL;
}

char *tls_material_fault(const struct tls_material *material)
{
    _cleanup_certificates_ struct certificates own = {0};

    if (gnutls_certificate_get_x509_crt(material->credentials, 0, &own.list, &own.n) < 0) {
        return NULL; // no certificate is loaded
    }
    return tls_fault(own.list[0]);
}

struct tls_material *tls_material_ref(struct tls_material *material)
{
    assert(material->n_refs);
    material->n_refs++;
    return material;
}

void tls_material_unref(struct tls_material *material)
{
    assert(!material || material->n_refs);
    if (!material || --material->n_refs) {
        return;
    }
    gnutls_certificate_free_credentials(material->credentials);
    tls_priority_done(&material->priority);
    for (unsigned i = 0; i < material->n_crls; i++) {
        gnutls_x509_crl_deinit(material->crls[i]);
    }
    free(material->crls);
    free(material->ca_file);
    free(material->server_name);
    free(material);
}
