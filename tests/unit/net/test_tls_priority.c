// SPDX-License-Identifier: Apache-2.0
// Translation of OpenSSL's protocol and cipher lists to gnutls priority strings.
#include "net/tls/priority.h"
#include "unit.h"

#include <errno.h>
#include <string.h>

#define GROUPS                                                                                     \
    ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-X448:+GROUP-SECP384R1:+GROUP-SECP521R1"     \
    ":+GROUP-FFDHE2048:+GROUP-FFDHE3072:+GROUP-FFDHE4096"
#define COMMON GROUPS ":-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:%SERVER_PRECEDENCE"
#define TAIL   COMMON ":%PROFILE_MEDIUM"
#define BOTH   "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define ONE_2  "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define ONE_3  "NORMAL:-VERS-ALL:+VERS-TLS1.3"
#define AEADS  ":+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM"
#define KX     ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA"

static void check_text(const char *text, const char *expected)
{
    gnutls_priority_t parsed;

    if (!expected) {
        assert_null(text);
        return;
    }
    assert_string_equal(text, expected);
    assert_int_equal(gnutls_priority_init(&parsed, text, NULL), 0);
    gnutls_priority_deinit(parsed);
}

static void check(const struct tls_choice *choice, const char *any, const char *of_12,
                  const char *of_13)
{
    const char *expected[TLS_N_VERSIONS] = {any, of_12, of_13};
    char *texts[TLS_N_VERSIONS] = {0};

    assert_null(tls_priority_texts(choice, texts));
    for (int i = 0; i < TLS_N_VERSIONS; i++) {
        check_text(texts[i], expected[i]);
        free(texts[i]);
    }
}

#define CHOICE(...) (&(const struct tls_choice){__VA_ARGS__})

static void check_wrong(const struct tls_choice *choice, const char *reason)
{
    char *texts[TLS_N_VERSIONS] = {0};
    _cleanup_failure_ struct failure *failure = tls_priority_texts(choice, texts);

    assert_non_null(failure);
    assert_int_equal(failure_kind(failure), FAILURE_INVALID);
    assert_null(texts[TLS_ANY]);
    assert_string_equal(failure_text(failure), reason);
}

static void check_protocols(const char *protocols, const char *any, bool has_both)
{
    check(CHOICE(.protocols = protocols), any,
          has_both ? ONE_2 KX ":-CIPHER-ALL" AEADS ":-MAC-ALL:+AEAD" TAIL : NULL,
          has_both ? ONE_3 ":-CIPHER-ALL" AEADS ":-MAC-ALL:+AEAD" TAIL : NULL);
}

static void test_protocols(void **state)
{
    static const char both[] = BOTH KX ":-CIPHER-ALL" AEADS AEADS ":-MAC-ALL:+AEAD:+AEAD" TAIL;

    check_protocols(NULL, both, true);
    check_protocols("TLSv1.2,TLSv1.3", both, true);
    check_protocols(" tlsv1.3  TLSV1.2,", both, true);
    check_protocols("TLSv1,TLSv1.1,TLSv1.2", ONE_2 KX ":-CIPHER-ALL" AEADS ":-MAC-ALL:+AEAD" TAIL,
                    false);
    check_protocols("TLSv1.2+", both, true);
    check_protocols("TLSv1+", both, true);
    check_protocols("TLSv1.3+", ONE_3 ":-CIPHER-ALL" AEADS ":-MAC-ALL:+AEAD" TAIL, false);
    check_protocols("TLSv1.2-TLSv1.3", both, true);
    check_protocols("tlsv1.1-TLSV1.3", both, true);
    check_protocols("TLSv1.3-TLSv1.3", ONE_3 ":-CIPHER-ALL" AEADS ":-MAC-ALL:+AEAD" TAIL, false);
    check_protocols("TLSv1-TLSv1.2", ONE_2 KX ":-CIPHER-ALL" AEADS ":-MAC-ALL:+AEAD" TAIL, false);
    check_protocols("TLSv1-TLSv1.1 tlsv1.3", ONE_3 ":-CIPHER-ALL" AEADS ":-MAC-ALL:+AEAD" TAIL,
                    false);
    check_wrong(CHOICE(.protocols = "TLSv1.3-TLSv1.2"),
                "the range of TLS protocols \"TLSv1.3-TLSv1.2\" does not begin with the older one");
    check_wrong(CHOICE(.protocols = "TLSv1-TLSv1.1"),
                "no usable protocol is left of \"TLSv1-TLSv1.1\"");
    check_wrong(CHOICE(.protocols = "-"), "unknown TLS protocol \"-\"");
    check_wrong(CHOICE(.protocols = "TLSv1.2-"), "unknown TLS protocol \"TLSv1.2-\"");
    check_wrong(CHOICE(.protocols = "-TLSv1.2"), "unknown TLS protocol \"-TLSv1.2\"");
    check_wrong(CHOICE(.protocols = "TLSv1.2-TLSv1.3+"),
                "unknown TLS protocol \"TLSv1.2-TLSv1.3+\"");
    check_wrong(CHOICE(.protocols = "TLSv1.2-TLSv1.2-TLSv1.3"),
                "unknown TLS protocol \"TLSv1.2-TLSv1.2-TLSv1.3\"");
    check_wrong(CHOICE(.protocols = "+"), "unknown TLS protocol \"+\"");
    check_protocols("TLSv1.3", ONE_3 ":-CIPHER-ALL" AEADS ":-MAC-ALL:+AEAD" TAIL, false);
    check_wrong(CHOICE(.protocols = ""), "no usable protocol is left of \"\"");
    check_wrong(CHOICE(.protocols = "TLSv1 TLSv1.1"),
                "no usable protocol is left of \"TLSv1 TLSv1.1\"");
    check_wrong(CHOICE(.protocols = "TLSv1.2,SSLv3"), "unknown TLS protocol \"SSLv3\"");
}

// A cipher list does not affect TLS 1.3.
static void check_ciphers(const char *ciphers, const char *expected)
{
    _cleanup_free_ char *text = xasprintf("%s%s%s", ONE_2, expected, TAIL);

    check(CHOICE(.protocols = "TLSv1.2", .ciphers = ciphers), text, NULL, NULL);
}

static void test_ciphers(void **state)
{
    check_ciphers("ECDHE-RSA-AES256-GCM-SHA384",
                  ":-KX-ALL:+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:-MAC-ALL:+AEAD");
    check_ciphers("ECDHE+AESGCM:!AES128:@STRENGTH",
                  ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:-MAC-ALL:+AEAD");
    check_ciphers("kRSA,SHA256 !ECDHE:-DHE:-AESGCM",
                  ":-KX-ALL:+RSA:-CIPHER-ALL:+AES-256-CBC:+AES-128-CBC:-MAC-ALL:+SHA256:+SHA1");
    // A banned suite ('!') cannot be added again; a removed one ('-') can.
    check_ciphers("!AES:ALL", KX ":-CIPHER-ALL:+CHACHA20-POLY1305:-MAC-ALL:+AEAD");
    check_ciphers("ALL:-ALL:AES128-SHA:+AES",
                  ":-KX-ALL:+RSA:-CIPHER-ALL:+AES-128-CBC:-MAC-ALL:+SHA1");
    check_ciphers("HIGH:!aNULL:!MD5", KX ":+RSA:-CIPHER-ALL" AEADS
                                         ":+AES-256-CBC:+AES-128-CBC:-MAC-ALL:+AEAD"
                                         ":+SHA384:+SHA256:+SHA1");
    check(CHOICE(.ciphers = "AES128-SHA"),
          BOTH ":-KX-ALL:+RSA:-CIPHER-ALL" AEADS ":+AES-128-CBC:-MAC-ALL:+AEAD:+SHA1" TAIL,
          ONE_2 ":-KX-ALL:+RSA:-CIPHER-ALL:+AES-128-CBC:-MAC-ALL:+SHA1" TAIL,
          ONE_3 ":-CIPHER-ALL" AEADS ":-MAC-ALL:+AEAD" TAIL);
}

static void check_same(const char *ciphers, const char *others)
{
    char *texts[2][TLS_N_VERSIONS] = {0};

    assert_null(tls_priority_texts(CHOICE(.ciphers = ciphers), texts[0]));
    assert_null(tls_priority_texts(CHOICE(.ciphers = others), texts[1]));
    for (int i = 0; i < TLS_N_VERSIONS; i++) {
        assert_string_equal(texts[0][i], texts[1][i]);
        free(texts[0][i]);
        free(texts[1][i]);
    }
}

static void test_words_of_openssl(void **state)
{
    check_same("DEFAULT:!DH:!ECDH", "kRSA");
    check_same("ECDH+AESGCM:DH+AESGCM", "ECDHE+AESGCM:DHE+AESGCM");
    check_same("ALL:!TLSv1.2:!SSLv3", "ECDHE+SHA1");
    check_same("TLSv1", "TLSv1.0");
    check_same("SSLv3", "DHE+SHA1:kRSA+SHA1");
    check_same("FIPS", "ALL:!CHACHA20");
    check_same("CBC", "ALL:!AESGCM:!CHACHA20");
    check_same("DEFAULT@SECLEVEL=1", "ALL:@STRENGTH:@SECLEVEL=2");
    check_same("HIGH:!aNULL:!aECDH:!GOST:!EDH-DSS-DES-CBC3-SHA:!KRB5-DES-CBC3-SHA:!SSLv2", "ALL");
    check_same("TLS_AES_128_GCM_SHA256:AES128-SHA;DES-CBC3-SHA;ECDHE-RSA-CAMELLIA256-SHA384",
               "AES128-SHA");
    check(CHOICE(.protocols = "TLSv1.2", .ciphers = "kRSA:ECDHE-RSA-AES256-SHA:AESGCM:@SECLEVEL=4"),
          ONE_2 KX ":-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:-MAC-ALL:+AEAD" COMMON ":%PROFILE_ULTRA",
          NULL, NULL);
}

static void test_wrong_ciphers(void **state)
{
    check_wrong(CHOICE(.ciphers = "HIGH:FOO"), "unknown cipher \"FOO\"");
    check_wrong(CHOICE(.ciphers = "HIGH:!FOO"), "unknown cipher \"FOO\"");
    check_wrong(CHOICE(.ciphers = "high"), "unknown cipher \"high\"");
    check_wrong(CHOICE(.ciphers = "ECDHE-RSA-AES256-GCM-SHA38"),
                "unknown cipher \"ECDHE-RSA-AES256-GCM-SHA38\"");
    check_wrong(CHOICE(.ciphers = "AES128-"), "unknown cipher \"AES128-\"");
    check_wrong(CHOICE(.ciphers = "HIGH:@SECLEVEL=6"), "ciphers: unknown command \"@SECLEVEL=6\"");
    check_wrong(CHOICE(.ciphers = "HIGH@FOO"), "ciphers: unknown command \"@FOO\"");
    check_wrong(CHOICE(.ciphers = "TLS_AES_128_GCM_SHA256"),
                "no usable cipher is left of \"TLS_AES_128_GCM_SHA256\"");
    check_wrong(CHOICE(.ciphers = "kRSA:@SECLEVEL=3"),
                "no usable cipher is left of \"kRSA:@SECLEVEL=3\"");
    check_wrong(CHOICE(.ciphers = "ECDHE+FOO"), "unknown cipher \"FOO\"");
    check_wrong(CHOICE(.ciphers = "HIGH:!"), "ciphers: no name follows in \"!\"");
    check_wrong(CHOICE(.ciphers = ""), "no usable cipher is left of \"\"");
    check_wrong(CHOICE(.ciphers = "RC4:MD5"), "no usable cipher is left of \"RC4:MD5\"");
    check_wrong(CHOICE(.ciphers = "ALL:!ALL"), "no usable cipher is left of \"ALL:!ALL\"");
}

static void test_suites(void **state)
{
    check(CHOICE(.protocols = "TLSv1.3",
                 .ciphersuites = "TLS_AES_128_CCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"),
          ONE_3 ":-CIPHER-ALL:+AES-128-CCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD" TAIL, NULL, NULL);
    check(CHOICE(.ciphersuites = "TLS_AES_128_GCM_SHA256"),
          BOTH KX ":-CIPHER-ALL:+AES-128-GCM" AEADS ":-MAC-ALL:+AEAD:+AEAD" TAIL,
          ONE_2 KX ":-CIPHER-ALL" AEADS ":-MAC-ALL:+AEAD" TAIL,
          ONE_3 ":-CIPHER-ALL:+AES-128-GCM:-MAC-ALL:+AEAD" TAIL);
    check_wrong(CHOICE(.ciphersuites = "TLS_AES_128_GCM_SHA256:HIGH"),
                "unknown cipher suite of TLS 1.3 \"HIGH\"");
    check_wrong(CHOICE(.ciphersuites = ":"), "no cipher suite is left of \":\"");
}

static void test_gnutls_strings(void **state)
{
    check(CHOICE(.ciphers = "SECURE256"), "SECURE256", NULL, NULL);
    check(CHOICE(.ciphers = "NORMAL:-AES-128-GCM", .protocols = "TLSv1.3"),
          "NORMAL:-AES-128-GCM:-VERS-ALL:+VERS-TLS1.3", NULL, NULL);
    check(CHOICE(.ciphers = "SECURE256", .ciphersuites = "TLS_AES_128_GCM_SHA256"),
          "SECURE256:+AES-128-GCM", NULL, ONE_3 ":-CIPHER-ALL:+AES-128-GCM:-MAC-ALL:+AEAD" TAIL);
}

static void test_allowed(void **state)
{
    struct tls_priority priority;
    _cleanup_failure_ struct failure *failure = NULL;

    assert_null(
        tls_priority_init(&priority, CHOICE(.ciphers = "AES128-SHA",
                                            .ciphersuites = "TLS_CHACHA20_POLY1305_SHA256")));
    assert_true(tls_priority_allows(&priority, GNUTLS_TLS1_2, GNUTLS_CIPHER_AES_128_CBC));
    assert_false(tls_priority_allows(&priority, GNUTLS_TLS1_2, GNUTLS_CIPHER_CHACHA20_POLY1305));
    assert_true(tls_priority_allows(&priority, GNUTLS_TLS1_3, GNUTLS_CIPHER_CHACHA20_POLY1305));
    assert_false(tls_priority_allows(&priority, GNUTLS_TLS1_3, GNUTLS_CIPHER_AES_128_CBC));
    tls_priority_done(&priority);
    failure = tls_priority_init(&priority, CHOICE(.ciphers = "NORMAL:+NONSENSE"));
    assert_non_null(failure);
    assert_string_equal(failure_text(failure), "ciphers: not understood from \"+NONSENSE\" on");
    tls_priority_done(&priority);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocols),        cmocka_unit_test(test_ciphers),
        cmocka_unit_test(test_words_of_openssl), cmocka_unit_test(test_wrong_ciphers),
        cmocka_unit_test(test_suites),           cmocka_unit_test(test_gnutls_strings),
        cmocka_unit_test(test_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
