// SPDX-License-Identifier: Apache-2.0
#include "net/tls/fault.h"

#include "basic/alloc.h"
#include "net/tls/names.h"

#include <stdbool.h>
#include <time.h>

char *tls_fault_of_dates(gnutls_x509_crt_t certificate)
{
    time_t now = time(NULL);
    time_t begin = gnutls_x509_crt_get_activation_time(certificate);
    time_t end = gnutls_x509_crt_get_expiration_time(certificate);
    _cleanup_free_ char *subject = NULL;
    struct tm tm;
    char when[32];

    if (now >= begin && now <= end) {
        return NULL;
    }
    subject = tls_subject(certificate);
    gmtime_r(now > end ? &end : &begin, &tm);
    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
    return xasprintf("certificate %s %s %s", subject,
                     now > end ? "has expired on" : "is not valid before", when);
}

static bool has_weak_key(gnutls_x509_crt_t certificate, unsigned *ret_bits)
{
    int algorithm = gnutls_x509_crt_get_pk_algorithm(certificate, ret_bits);

    return algorithm < 0 || gnutls_pk_bits_to_sec_param((gnutls_pk_algorithm_t)algorithm,
                                                        *ret_bits) < GNUTLS_SEC_PARAM_MEDIUM;
}

// The signature of a self-signed certificate proves nothing, so its strength does not matter.
static bool has_weak_signature(gnutls_x509_crt_t certificate)
{
    int algorithm = gnutls_x509_crt_get_signature_algorithm(certificate);

    return !gnutls_x509_crt_check_issuer(certificate, certificate) &&
           (algorithm < 0 || !gnutls_sign_is_secure2((gnutls_sign_algorithm_t)algorithm,
                                                     GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS));
}

char *tls_fault_of_strength(gnutls_x509_crt_t certificate)
{
    _cleanup_free_ char *subject = tls_subject(certificate);
    unsigned bits = 0;

    if (has_weak_key(certificate, &bits)) {
        return xasprintf("certificate %s is too weak: its key has only %u bits", subject, bits);
    }
    if (has_weak_signature(certificate)) {
        int algorithm = gnutls_x509_crt_get_signature_algorithm(certificate);
        const char *name = gnutls_sign_get_name((gnutls_sign_algorithm_t)algorithm);

        return xasprintf("certificate %s is too weak: it is signed with %s", subject,
                         name ? name : "an unknown algorithm");
    }
    return NULL;
}

static char *fault_of_usage(gnutls_x509_crt_t certificate)
{
    _cleanup_free_ char *subject = NULL;
    unsigned usage = 0;

    if (gnutls_x509_crt_get_key_usage(certificate, &usage, NULL) < 0 ||
        usage & GNUTLS_KEY_DIGITAL_SIGNATURE) {
        return NULL; // allowed, or the certificate has no key usage extension
    }
    subject = tls_subject(certificate);
    return xasprintf("certificate %s is not for signatures by its key usage", subject);
}

char *tls_fault(gnutls_x509_crt_t certificate)
{
    char *fault = tls_fault_of_dates(certificate);

    fault = fault ? fault : tls_fault_of_strength(certificate);
    return fault ? fault : fault_of_usage(certificate);
}
