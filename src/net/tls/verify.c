// SPDX-License-Identifier: Apache-2.0
#include "net/tls/verify.h"

#include "basic/alloc.h"
#include "basic/buf.h"
#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "net/tls/fault.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <string.h>

LOG_MODULE(tls);

#define MAX_CHAIN 16

struct chain {
    gnutls_x509_crt_t certificates[MAX_CHAIN + 1]; // the additional one is that of the CA
    unsigned n;
};

static void chain_done(struct chain *chain)
{
    for (unsigned i = 0; i < chain->n; i++) {
        gnutls_x509_crt_deinit(chain->certificates[i]);
    }
}

#define _cleanup_chain_ _cleanup_(chain_done)

static int read_chain(gnutls_session_t session, struct chain *chain, char **ret_reason)
{
    unsigned n = 0;
    const gnutls_datum_t *raw = gnutls_certificate_get_peers(session, &n);

    if (!raw || !n) {
        *ret_reason = xstrdup("the peer sent no certificate");
        return -EACCES;
    }
    if (n > MAX_CHAIN) {
        *ret_reason = xasprintf("the peer sent %u certificates, more than %d", n, MAX_CHAIN);
        return -EACCES;
    }
    for (unsigned i = 0; i < n; i++) {
        int r;

        gnutls_x509_crt_init(&chain->certificates[chain->n++]);
        r = gnutls_x509_crt_import(chain->certificates[i], &raw[i], GNUTLS_X509_FMT_DER);
        if (r < 0) {
            *ret_reason = xasprintf("certificate %u of the peer cannot be read: %s", i + 1,
                                    gnutls_strerror(r));
            return -EACCES;
        }
    }
    return 0;
}

// Returns the first fault that `fault_of` finds in a certificate of the chain, because gnutls does
// not tell which certificate it refused. NULL: none.
static char *find_fault(const struct chain *chain, char *(*fault_of)(gnutls_x509_crt_t certificate))
{
    char *text = NULL;

    for (unsigned i = 0; i < chain->n && !text; i++) {
        text = fault_of(chain->certificates[i]);
    }
    return text;
}

static char *explain_issuer(const struct chain *chain, const char *ca_file)
{
    _cleanup_free_ char *subject = tls_subject(chain->certificates[0]);
    _cleanup_free_ char *issuer = tls_issuer(chain->certificates[chain->n - 1]);

    if (gnutls_x509_crt_check_issuer(chain->certificates[0], chain->certificates[0])) {
        return xasprintf("certificate %s is signed by itself and not in %s", subject, ca_file);
    }
    return xasprintf("certificate %s is not signed by a CA in %s but by %s", subject, ca_file,
                     issuer);
}

static char *explain_revoked(const struct chain *chain, const struct tls_material *material)
{
    unsigned i = 0;
    _cleanup_free_ char *subject = NULL;

    while (i + 1 < chain->n &&
           gnutls_x509_crt_check_revocation(chain->certificates[i], material->crls,
                                            (int)material->n_crls) <= 0) {
        i++;
    }
    subject = tls_subject(chain->certificates[i]);
    return xasprintf("certificate %s has been revoked", subject);
}

// Explains any other status with the text of gnutls.
static char *explain_otherwise(unsigned status, const char *subject)
{
    static const char preface[] = "The certificate is NOT trusted. ";
    gnutls_datum_t text = {0};
    const char *s = "it is refused";
    char *reason;

    if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) >= 0) {
        s = (const char *)text.data;
        s += strncmp(s, preface, sizeof(preface) - 1) ? 0 : sizeof(preface) - 1;
    }
    reason = xasprintf("certificate %s: %.*s", subject, (int)strcspn(s, "."), s);
    gnutls_free(text.data);
    return reason;
}

static char *explain_status(unsigned status, const struct chain *chain,
                            const struct tls_material *material)
{
    _cleanup_free_ char *subject = tls_subject(chain->certificates[0]);
    const char *ca_file = material->ca_file;
    char *fault = NULL;

    if (status & GNUTLS_CERT_REVOKED) {
        return explain_revoked(chain, material);
    }
    if (status & GNUTLS_CERT_SIGNER_NOT_FOUND) {
        return explain_issuer(chain, ca_file);
    }
    if (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED)) {
        fault = find_fault(chain, tls_fault_of_dates);
    } else if (status & GNUTLS_CERT_INSECURE_ALGORITHM) {
        fault = find_fault(chain, tls_fault_of_strength);
    }
    if (fault) {
        return fault;
    }
    if (status & GNUTLS_CERT_SIGNER_NOT_CA) {
        return xasprintf("certificate %s is signed by one that is not of a CA", subject);
    }
    if (status & GNUTLS_CERT_SIGNATURE_FAILURE) {
        return explain_issuer(chain, ca_file); // signed by a CA of the same name with another key
    }
    if (status & GNUTLS_CERT_PURPOSE_MISMATCH) {
        return xasprintf("certificate %s is not meant for this purpose by its extended key usage",
                         subject);
    }
    return explain_otherwise(status, subject);
}

static gnutls_alert_description_t alert_for(unsigned status)
{
    if (status & GNUTLS_CERT_REVOKED) {
        return GNUTLS_A_CERTIFICATE_REVOKED;
    }
    if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA)) {
        return GNUTLS_A_UNKNOWN_CA;
    }
    if (status & GNUTLS_CERT_PURPOSE_MISMATCH) {
        return GNUTLS_A_UNSUPPORTED_CERTIFICATE;
    }
    return status & GNUTLS_CERT_EXPIRED ? GNUTLS_A_CERTIFICATE_EXPIRED : GNUTLS_A_BAD_CERTIFICATE;
}

static char *explain_name(gnutls_x509_crt_t certificate, const char *expected)
{
    _cleanup_free_ char *subject = tls_subject(certificate);
    _cleanup_buf_ struct buf text = {0};
    struct tls_peer peer = tls_peer_new(certificate);

    buf_printf(&text, "certificate %s is not for \"%s\"", subject, expected);
    for (char **name = peer.sans; name && *name; name++) {
        buf_printf(&text, "%s %s", name == peer.sans ? " but for" : ",", *name);
    }
    tls_peer_done(&peer);
    return xstrdup(buf_cstr(&text));
}

// Makes a file with these bytes unless `path` exists. The file is never visible with a part of
// them.
static int write_new_file(const char *path, const void *data, size_t size)
{
    // The temporary name has no pid: in a container, a former process with the same pid may have
    // left its file behind.
    _cleanup_free_ char *other = xasprintf("%s.XXXXXX", path);
    _cleanup_close_ int fd = mkostemp(other, O_CLOEXEC);
    int r;

    if (fd < 0) {
        return -errno;
    }
    r = file_write_at(fd, data, size, 0);
    if (r >= 0 && (fchmod(fd, 0644) < 0 || fsync(fd) < 0 || link(other, path) < 0)) {
        r = -errno;
    }
    unlink(other);
    return r < 0 ? r : file_sync_parent(path);
}

// Verifies the chain by the CA certificate that the peer sent. If a CA were saved that did not sign
// the peer's certificate, the peer would be refused ever after.
static int verify_by(gnutls_x509_crt_t ca, const struct chain *chain,
                     const struct tls_material *material, char **ret_reason)
{
    gnutls_x509_trust_list_t list;
    unsigned status = 0;

    gnutls_x509_trust_list_init(&list, 0);
    gnutls_x509_trust_list_add_cas(list, &ca, 1, 0);
    gnutls_x509_trust_list_verify_crt(list, (gnutls_x509_crt_t *)(uintptr_t)chain->certificates,
                                      chain->n, 0, &status, NULL);
    gnutls_x509_trust_list_deinit(list, 0);
    if (status) {
        *ret_reason = explain_status(status, chain, material);
        return -EACCES;
    }
    return 0;
}

// Saves the CA certificate that the peer sent. Returns -EAGAIN, or another negative errno if it
// cannot be saved.
static int bootstrap_ca(const struct chain *chain, const struct tls_material *material,
                        char **ret_reason)
{
    const char *ca_file = material->ca_file;
    gnutls_x509_crt_t ca = chain->certificates[chain->n - 1];
    _cleanup_free_ char *subject = tls_subject(ca);
    gnutls_datum_t pem = {0};
    int r;

    if (!gnutls_x509_crt_check_issuer(ca, ca)) {
        *ret_reason = xstrdup("the peer did not send the certificate of its CA");
        return -EACCES;
    }
    r = verify_by(ca, chain, material, ret_reason);
    if (r < 0) {
        return r;
    }
    if (gnutls_x509_crt_export2(ca, GNUTLS_X509_FMT_PEM, &pem) < 0) {
        *ret_reason = xstrdup("the certificate of the peer's CA cannot be written");
        return -EACCES;
    }
    r = write_new_file(ca_file, pem.data, pem.size);
    gnutls_free(pem.data);
    if (r < 0) {
        *ret_reason = xasprintf("%s: cannot save the CA certificate: %s", ca_file, strerror(-r));
        return r == -EAGAIN ? -EIO : r;
    }
    log_event(LOG_LEVEL_WARN, MSG_TLS_BOOTSTRAPPED, NULL,
              "%s: CA certificate %s saved as the peer sent it, without verification", ca_file,
              subject);
    *ret_reason = xasprintf("the CA certificate has been saved in %s", ca_file);
    return -EAGAIN;
}

// gnutls_certificate_verify_peers2() with a check that the certificate's extended key usage allows
// this use.
static int verify_chain(gnutls_session_t session, bool is_server, unsigned *ret_status)
{
    const char *purpose = is_server ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER;
    gnutls_typed_vdata_st data = {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)(uintptr_t)purpose,
                                  0};

    return gnutls_certificate_verify_peers(session, &data, 1, ret_status);
}

// Adds our CA certificate to the chain, as peers do not send it.
static void add_ca(struct chain *chain, const struct tls_material *material)
{
    if (gnutls_certificate_get_issuer(material->credentials, chain->certificates[chain->n - 1],
                                      &chain->certificates[chain->n], GNUTLS_TL_GET_COPY) >= 0) {
        chain->n++;
    }
}

int tls_verify(gnutls_session_t session, const struct tls_material *material, bool is_server,
               struct tls_peer *ret_peer, gnutls_alert_description_t *ret_alert, char **ret_reason)
{
    _cleanup_chain_ struct chain chain = {0};
    const char *name = is_server ? NULL : material->server_name;
    unsigned status = 0;
    int r;

    assert(material->verifies);
    *ret_alert = GNUTLS_A_BAD_CERTIFICATE;
    r = read_chain(session, &chain, ret_reason);
    if (r < 0) {
        return r;
    }
    if (material->needs_bootstrap) {
        return bootstrap_ca(&chain, material, ret_reason);
    }
    r = verify_chain(session, is_server, &status);
    if (r < 0) {
        *ret_reason =
            xasprintf("the peer's certificate cannot be verified: %s", gnutls_strerror(r));
        return -EACCES;
    }
    if (status) {
        add_ca(&chain, material);
        *ret_alert = alert_for(status);
        *ret_reason = explain_status(status, &chain, material);
        return -EACCES;
    }
    if (name && !gnutls_x509_crt_check_hostname(chain.certificates[0], name)) {
        *ret_reason = explain_name(chain.certificates[0], name);
        return -EACCES;
    }
    *ret_peer = tls_peer_new(chain.certificates[0]);
    return 0;
}
