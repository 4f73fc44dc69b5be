// SPDX-License-Identifier: Apache-2.0
// OpenSSL's words for protocols and ciphers, as gnutls understands them.
#include "net/tls_priority.h"
#include "unit.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <string.h>

#define TAIL ":-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:%SERVER_PRECEDENCE"

static void check(const char *protocols, const char *ciphers, const char *expected)
{
    _cleanup_free_ char *priority = NULL;
    _cleanup_free_ char *error = NULL;
    gnutls_priority_t parsed;

    assert_int_equal(tls_priority(protocols, ciphers, &priority, &error), 0);
    assert_null(error);
    assert_string_equal(priority, expected);
    assert_int_equal(gnutls_priority_init(&parsed, priority, NULL), 0);
    gnutls_priority_deinit(parsed);
}

static void check_wrong(const char *protocols, const char *ciphers, const char *reason)
{
    _cleanup_free_ char *priority = NULL;
    _cleanup_free_ char *error = NULL;

    assert_int_equal(tls_priority(protocols, ciphers, &priority, &error), -EINVAL);
    assert_null(priority);
    assert_string_equal(error, reason);
}

static void test_protocols(void **state)
{
    static const char *const rest =
        ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA:-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305"
        ":+AES-128-GCM:-MAC-ALL:+AEAD" TAIL;
    _cleanup_free_ char *both = xasprintf("NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2%s", rest);
    _cleanup_free_ char *old = xasprintf("NORMAL:-VERS-ALL:+VERS-TLS1.2%s", rest);
    _cleanup_free_ char *new = xasprintf("NORMAL:-VERS-ALL:+VERS-TLS1.3%s", rest);

    check(NULL, NULL, both);
    check("TLSv1.2,TLSv1.3", NULL, both);
    check(" tlsv1.3  TLSV1.2,", NULL, both);
    check("TLSv1,TLSv1.1,TLSv1.2", NULL, old);
    check("TLSv1.3", NULL, new);
    check_wrong("", NULL, "no usable protocol is left of \"\"");
    check_wrong("TLSv1 TLSv1.1", NULL, "no usable protocol is left of \"TLSv1 TLSv1.1\"");
    check_wrong("TLSv1.2,SSLv3", NULL, "unknown TLS protocol \"SSLv3\"");
}

#define HEAD "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

static void test_ciphers(void **state)
{
    check(NULL, "ECDHE-RSA-AES256-GCM-SHA384",
          HEAD ":-KX-ALL:+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:-MAC-ALL:+AEAD" TAIL);
    check(NULL, "ECDHE+AESGCM:!AES128:@STRENGTH",
          HEAD ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:-MAC-ALL:+AEAD" TAIL);
    check(NULL, "kRSA,SHA256 !ECDHE:-DHE:-AESGCM",
          HEAD ":-KX-ALL:+RSA:-CIPHER-ALL:+AES-256-CBC:+AES-128-CBC:-MAC-ALL:+SHA256:+SHA1" TAIL);
    // What is banned does not come back; what is removed does.
    check(NULL, "!AES:ALL",
          HEAD
          ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA:-CIPHER-ALL"
          ":+CHACHA20-POLY1305:-MAC-ALL:+AEAD" TAIL);
    check(NULL, "ALL:-ALL:AES128-SHA:+AES",
          HEAD ":-KX-ALL:+RSA:-CIPHER-ALL:+AES-128-CBC:-MAC-ALL:+SHA1" TAIL);
    check(NULL, "HIGH:!aNULL:!MD5",
          HEAD
          ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA:+RSA:-CIPHER-ALL:+AES-256-GCM"
          ":+CHACHA20-POLY1305:+AES-128-GCM:+AES-256-CBC:+AES-128-CBC:-MAC-ALL:+AEAD"
          ":+SHA384:+SHA256:+SHA1" TAIL);
}

static void test_wrong_ciphers(void **state)
{
    check_wrong(NULL, "HIGH:FOO", "unknown cipher \"FOO\"");
    check_wrong(NULL, "ECDHE+FOO", "unknown cipher \"FOO\"");
    check_wrong(NULL, "HIGH:!", "ciphers: no name follows in \"!\"");
    check_wrong(NULL, "", "no usable cipher is left of \"\"");
    check_wrong(NULL, "RC4:MD5", "no usable cipher is left of \"RC4:MD5\"");
    check_wrong(NULL, "ALL:!ALL", "no usable cipher is left of \"ALL:!ALL\"");
}

static void test_gnutls_strings(void **state)
{
    check(NULL, "SECURE256", "SECURE256");
    check("TLSv1.3", "NORMAL:-AES-128-GCM", "NORMAL:-AES-128-GCM:-VERS-ALL:+VERS-TLS1.3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocols),
        cmocka_unit_test(test_ciphers),
        cmocka_unit_test(test_wrong_ciphers),
        cmocka_unit_test(test_gnutls_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
