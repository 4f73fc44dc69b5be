// SPDX-License-Identifier: Apache-2.0
// An OpenSSL cipher list is run, as OpenSSL documents it, over a table of the suites that are worth
// having: each word adds, removes or bans the suites it names. What is left is taken apart into
// key exchanges, ciphers and MACs, which is how gnutls wants it. Words for what the table does not
// hold (RC4, MD5, aNULL) are known and match nothing. The suites of TLS 1.3 are only ciphers.
#include "net/tls_ciphers.h"

#include "basic/alloc.h"
#include "basic/slice.h"

#include <errno.h>

#define N_PARTS 3

struct suite {
    const char *name;           // OpenSSL's
    const char *parts[N_PARTS]; // gnutls's: key exchange, cipher, MAC
};

static const struct suite suites[] = {
    {"ECDHE-ECDSA-AES256-GCM-SHA384", {"ECDHE-ECDSA", "AES-256-GCM", "AEAD"}},
    {"ECDHE-RSA-AES256-GCM-SHA384", {"ECDHE-RSA", "AES-256-GCM", "AEAD"}},
    {"DHE-RSA-AES256-GCM-SHA384", {"DHE-RSA", "AES-256-GCM", "AEAD"}},
    {"ECDHE-ECDSA-CHACHA20-POLY1305", {"ECDHE-ECDSA", "CHACHA20-POLY1305", "AEAD"}},
    {"ECDHE-RSA-CHACHA20-POLY1305", {"ECDHE-RSA", "CHACHA20-POLY1305", "AEAD"}},
    {"DHE-RSA-CHACHA20-POLY1305", {"DHE-RSA", "CHACHA20-POLY1305", "AEAD"}},
    {"ECDHE-ECDSA-AES128-GCM-SHA256", {"ECDHE-ECDSA", "AES-128-GCM", "AEAD"}},
    {"ECDHE-RSA-AES128-GCM-SHA256", {"ECDHE-RSA", "AES-128-GCM", "AEAD"}},
    {"DHE-RSA-AES128-GCM-SHA256", {"DHE-RSA", "AES-128-GCM", "AEAD"}},
    {"ECDHE-ECDSA-AES256-SHA384", {"ECDHE-ECDSA", "AES-256-CBC", "SHA384"}},
    {"ECDHE-RSA-AES256-SHA384", {"ECDHE-RSA", "AES-256-CBC", "SHA384"}},
    {"DHE-RSA-AES256-SHA256", {"DHE-RSA", "AES-256-CBC", "SHA256"}},
    {"ECDHE-ECDSA-AES128-SHA256", {"ECDHE-ECDSA", "AES-128-CBC", "SHA256"}},
    {"ECDHE-RSA-AES128-SHA256", {"ECDHE-RSA", "AES-128-CBC", "SHA256"}},
    {"DHE-RSA-AES128-SHA256", {"DHE-RSA", "AES-128-CBC", "SHA256"}},
    {"ECDHE-ECDSA-AES256-SHA", {"ECDHE-ECDSA", "AES-256-CBC", "SHA1"}},
    {"ECDHE-RSA-AES256-SHA", {"ECDHE-RSA", "AES-256-CBC", "SHA1"}},
    {"DHE-RSA-AES256-SHA", {"DHE-RSA", "AES-256-CBC", "SHA1"}},
    {"ECDHE-ECDSA-AES128-SHA", {"ECDHE-ECDSA", "AES-128-CBC", "SHA1"}},
    {"ECDHE-RSA-AES128-SHA", {"ECDHE-RSA", "AES-128-CBC", "SHA1"}},
    {"DHE-RSA-AES128-SHA", {"DHE-RSA", "AES-128-CBC", "SHA1"}},
    {"AES256-GCM-SHA384", {"RSA", "AES-256-GCM", "AEAD"}},
    {"AES128-GCM-SHA256", {"RSA", "AES-128-GCM", "AEAD"}},
    {"AES256-SHA256", {"RSA", "AES-256-CBC", "SHA256"}},
    {"AES128-SHA256", {"RSA", "AES-128-CBC", "SHA256"}},
    {"AES256-SHA", {"RSA", "AES-256-CBC", "SHA1"}},
    {"AES128-SHA", {"RSA", "AES-128-CBC", "SHA1"}},
};

#define N_SUITES ARRAY_SIZE(suites)

// A word of a cipher list: the suites with a part that begins, or ends, like this.
static const struct keyword {
    const char *name;
    int part; // -1: all of them; -2: none that is worth having
    const char *begin;
    const char *end;
} keywords[] = {
    {"HIGH", -1, "", ""},         {"ALL", -1, "", ""},          {"DEFAULT", -1, "", ""},
    {"FIPS", -1, "", ""},         {"AES", 1, "AES", ""},        {"AES256", 1, "AES-256", ""},
    {"AES128", 1, "AES-128", ""}, {"AESGCM", 1, "AES", "GCM"},  {"CHACHA20", 1, "CHACHA20", ""},
    {"ECDHE", 0, "ECDHE", ""},    {"EECDH", 0, "ECDHE", ""},    {"kECDHE", 0, "ECDHE", ""},
    {"kEECDH", 0, "ECDHE", ""},   {"DHE", 0, "DHE", ""},        {"EDH", 0, "DHE", ""},
    {"kDHE", 0, "DHE", ""},       {"kEDH", 0, "DHE", ""},       {"RSA", 0, "RSA", ""},
    {"kRSA", 0, "RSA", ""},       {"aRSA", 0, "", "RSA"},       {"aECDSA", 0, "", "ECDSA"},
    {"ECDSA", 0, "", "ECDSA"},    {"SHA", 2, "SHA1", ""},       {"SHA1", 2, "SHA1", ""},
    {"SHA256", 2, "SHA256", ""},  {"SHA384", 2, "SHA384", ""},  {"TLSv1.2", -1, "", ""},
    {"MEDIUM", -2, NULL, NULL},   {"LOW", -2, NULL, NULL},      {"EXP", -2, NULL, NULL},
    {"EXPORT", -2, NULL, NULL},   {"NULL", -2, NULL, NULL},     {"eNULL", -2, NULL, NULL},
    {"aNULL", -2, NULL, NULL},    {"ADH", -2, NULL, NULL},      {"AECDH", -2, NULL, NULL},
    {"DES", -2, NULL, NULL},      {"3DES", -2, NULL, NULL},     {"RC2", -2, NULL, NULL},
    {"RC4", -2, NULL, NULL},      {"IDEA", -2, NULL, NULL},     {"SEED", -2, NULL, NULL},
    {"MD5", -2, NULL, NULL},      {"PSK", -2, NULL, NULL},      {"SRP", -2, NULL, NULL},
    {"DSS", -2, NULL, NULL},      {"aDSS", -2, NULL, NULL},     {"DH", -2, NULL, NULL},
    {"ECDH", -2, NULL, NULL},     {"CAMELLIA", -2, NULL, NULL}, {"ARIA", -2, NULL, NULL},
    {"ARIAGCM", -2, NULL, NULL},  {"AESCCM", -2, NULL, NULL},   {"AESCCM8", -2, NULL, NULL},
};

// Those of TLS 1.3, with gnutls's names of their ciphers.
static const struct {
    const char *name;
    const char *cipher;
} suites_13[] = {
    {"TLS_AES_256_GCM_SHA384", "AES-256-GCM"},
    {"TLS_CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"},
    {"TLS_AES_128_GCM_SHA256", "AES-128-GCM"},
    {"TLS_AES_128_CCM_SHA256", "AES-128-CCM"},
    {"TLS_AES_128_CCM_8_SHA256", "AES-128-CCM-8"},
};

enum suite_state { SUITE_OFF, SUITE_ON, SUITE_BANNED };

static int fail(char **ret_error, const char *what, struct slice word)
{
    *ret_error = xasprintf("%s \"" SLICE_FORMAT "\"", what, SLICE_ARGS(word));
    return -EINVAL;
}

static bool begins(const char *text, const char *begin)
{
    return !strncmp(text, begin, strlen(begin));
}

static bool ends(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && !strcmp(text + size - end_size, end);
}

static bool suite_has(const struct suite *suite, const struct keyword *keyword)
{
    if (keyword->part < 0) {
        return keyword->part == -1;
    }
    return begins(suite->parts[keyword->part], keyword->begin) &&
           ends(suite->parts[keyword->part], keyword->end);
}

// Leaves in `matches` those that one name, of a suite or a keyword, stands for too. False: unknown.
static bool narrow(struct slice name, bool matches[N_SUITES])
{
    const struct keyword *keyword = NULL;
    bool known = false;

    for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
        if (slice_is(name, keywords[i].name)) {
            keyword = &keywords[i];
            known = true;
        }
    }
    for (size_t i = 0; i < N_SUITES; i++) {
        bool is_it = slice_is(name, suites[i].name);

        known |= is_it;
        matches[i] &= is_it || (keyword && suite_has(&suites[i], keyword));
    }
    return known;
}

static int apply_word(struct slice word, enum suite_state states[N_SUITES], char **ret_error)
{
    char sign = strchr("!-+", word.data[0]) ? word.data[0] : ' ';
    struct slice rest = sign == ' ' ? word : (struct slice){word.data + 1, word.size - 1};
    struct slice name;
    bool matches[N_SUITES];

    if (word.data[0] == '@') {
        return 0; // the table is in order of strength, and nothing in it is weak
    }
    memset(matches, true, sizeof(matches));
    if (!rest.size) {
        return fail(ret_error, "ciphers: no name follows in", word);
    }
    while (slice_next_word(&rest, "+", &name)) {
        if (!narrow(name, matches)) {
            return fail(ret_error, "unknown cipher", name);
        }
    }
    for (size_t i = 0; i < N_SUITES; i++) {
        if (!matches[i] || states[i] == SUITE_BANNED || sign == '+') {
            continue; // '+' changes the order only
        }
        states[i] = sign == '!' ? SUITE_BANNED : sign == '-' ? SUITE_OFF : SUITE_ON;
    }
    return 0;
}

// The part number `part` of every suite that is on, each once.
static void put_parts(struct buf *text, const enum suite_state states[N_SUITES], int part)
{
    for (size_t i = 0; i < N_SUITES; i++) {
        bool is_new = states[i] == SUITE_ON;

        for (size_t k = 0; k < i && is_new; k++) {
            is_new = states[k] != SUITE_ON || strcmp(suites[k].parts[part], suites[i].parts[part]);
        }
        if (is_new) {
            buf_printf(text, ":+%s", suites[i].parts[part]);
        }
    }
}

int tls_ciphers_parse(const char *list, struct tls_ciphers *ciphers, char **ret_error)
{
    enum suite_state states[N_SUITES] = {0};
    struct slice rest = slice_of(list);
    struct slice word;

    while (slice_next_word(&rest, ":, ", &word)) {
        int r = apply_word(word, states, ret_error);

        if (r < 0) {
            return r;
        }
    }
    put_parts(&ciphers->key_exchanges, states, 0);
    put_parts(&ciphers->ciphers, states, 1);
    put_parts(&ciphers->macs, states, 2);
    return ciphers->macs.size ? 0 : fail(ret_error, "no usable cipher is left of", slice_of(list));
}

int tls_ciphers_parse_suites(const char *list, struct tls_ciphers *ciphers, char **ret_error)
{
    struct slice rest = slice_of(list);
    struct slice word;

    while (slice_next_word(&rest, ":, ", &word)) {
        size_t i = 0;

        while (i < ARRAY_SIZE(suites_13) && !slice_is(word, suites_13[i].name)) {
            i++;
        }
        if (i == ARRAY_SIZE(suites_13)) {
            return fail(ret_error, "unknown cipher suite of TLS 1.3", word);
        }
        buf_printf(&ciphers->ciphers_13, ":+%s", suites_13[i].cipher);
    }
    return ciphers->ciphers_13.size ? 0
                                    : fail(ret_error, "no cipher suite is left of", slice_of(list));
}

void tls_ciphers_done(struct tls_ciphers *ciphers)
{
    buf_done(&ciphers->key_exchanges);
    buf_done(&ciphers->ciphers);
    buf_done(&ciphers->macs);
    buf_done(&ciphers->ciphers_13);
}
