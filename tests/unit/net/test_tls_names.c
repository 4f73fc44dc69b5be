// SPDX-License-Identifier: Apache-2.0
// The names in certificates, including names that are not valid text.
#include "net/tls/names.h"

#include "basic/alloc.h"
#include "unit.h"

#include <string.h>

// Makes a certificate whose common name and only alternative name are `name`. As libraries refuse
// to make invalid names, it is made with another name of the same length and patched.
static gnutls_x509_crt_t make(const char *name, size_t size)
{
    _cleanup_free_ char *other = xmalloc(size);
    gnutls_x509_crt_t certificate;
    gnutls_x509_privkey_t key;
    gnutls_datum_t der;
    unsigned char *found;

    memset(other, 'X', size);
    gnutls_x509_crt_init(&certificate);
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, "\1", 1);
    gnutls_x509_crt_set_activation_time(certificate, 0);
    gnutls_x509_crt_set_expiration_time(certificate, 1);
    gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, other,
                                  (unsigned)size);
    gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_URI, other, (unsigned)size, 0);
    gnutls_x509_privkey_init(&key);
    gnutls_x509_privkey_generate(key, GNUTLS_PK_EDDSA_ED25519, 256, 0);
    gnutls_x509_crt_set_key(certificate, key);
    assert_int_equal(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_UNKNOWN, 0),
                     0);
    gnutls_x509_privkey_deinit(key);
    assert_int_equal(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &der), 0);
    gnutls_x509_crt_deinit(certificate);
    while ((found = memmem(der.data, der.size, other, size))) {
        memcpy(found, name, size);
    }
    gnutls_x509_crt_init(&certificate);
    assert_int_equal(gnutls_x509_crt_import(certificate, &der, GNUTLS_X509_FMT_DER), 0);
    gnutls_free(der.data);
    return certificate;
}

static const struct {
    const char *bytes;
    size_t size;
    bool is_text;
} names[] = {
    {"chassis-1", 9, true},
    {"K\xc3\xb6ln \xe2\x82\xac \xf0\x9f\x98\x80", 14, true},
    {"a,b \"c\" \\d", 10, true}, // these mean something in a distinguished name
    {" <a+b>;=x ", 10, true},
    {"#616263", 7, true},
    {"a\\41\\", 5, true},
    {"admin\0.example", 14, false},
    {"two\nlines", 9, false},
    {"\x1b[31m", 5, false},
    {"del\x7f", 4, false},
    // Overlong forms, surrogates, beyond U+10FFFF, incomplete, bytes that UTF-8 never has (RFC 3629
    // 3).
    {"1\xc0\xaf", 3, false},
    {"12\xe0\x80\xaf", 5, false},
    {"12\xed\xa0\x80", 5, false},
    {"12\xf4\x90\x80\x80", 6, false},
    {"12\xc3", 3, false},
    {"12\xe2\x82", 4, false},
    {"12\xf0\x9f\x98(", 6, false},
    {"\x80"
     "12",
     3, false},
    {"\xff"
     "12",
     3, false},
};

static void check_is_text(const char *text)
{
    for (; *text; text++) {
        assert_true((unsigned char)*text >= ' ' && *text != 0x7f);
    }
}

static void test_names(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        gnutls_x509_crt_t certificate = make(names[i].bytes, names[i].size);
        struct tls_peer peer = tls_peer_new(certificate);
        _cleanup_free_ char *subject = tls_subject(certificate);

        if (names[i].is_text) {
            assert_string_equal(peer.cn, names[i].bytes);
            assert_string_equal(peer.sans[0] + strlen("URI:"), names[i].bytes);
            assert_null(peer.sans[1]);
        } else {
            assert_null(peer.cn);
            assert_null(peer.sans);
        }
        check_is_text(subject);
        tls_peer_done(&peer);
        gnutls_x509_crt_deinit(certificate);
    }
}

static void test_long_names_are_cut(void **state)
{
    char cn[300];
    gnutls_x509_crt_t certificate;
    _cleanup_free_ char *subject = NULL;
    _cleanup_free_ char *issuer = NULL;

    memset(cn, 'a', sizeof(cn));
    certificate = make(cn, 200);
    gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, cn, 200);
    subject = tls_subject(certificate);
    issuer = tls_issuer(certificate);
    assert_int_equal(strlen(subject), 256);
    assert_int_equal(strlen(issuer), strlen("CN=") + 200);
    gnutls_x509_crt_deinit(certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_names_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
