// SPDX-License-Identifier: Apache-2.0
// An OpenSSL cipher list is run, as OpenSSL documents it, over a table of the suites that are worth
// having: each word adds, removes or bans the suites it names. What is left is taken apart into
// key exchanges, ciphers and MACs, which is how gnutls wants it. Words for what the table does not
// hold (RC4, MD5, aNULL) are known and match nothing.
#include "net/tls_priority.h"

#include "basic/alloc.h"
#include "basic/buf.h"
#include "basic/log.h"
#include "basic/slice.h"

#include <errno.h>
#include <strings.h>

LOG_MODULE(tls);

#define DEFAULT_KX     ":+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA"
#define DEFAULT_CIPHER ":+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM"
#define DEFAULT_MAC    ":+AEAD"
#define N_PARTS        3

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

// Takes the next word off `rest`; false: there is none.
static bool next_word(struct slice *rest, const char *separators, struct slice *ret)
{
    while (rest->size && strchr(separators, rest->data[0])) {
        *rest = (struct slice){rest->data + 1, rest->size - 1};
    }
    *ret = (struct slice){rest->data, 0};
    while (ret->size < rest->size && !strchr(separators, rest->data[ret->size])) {
        ret->size++;
    }
    *rest = (struct slice){rest->data + ret->size, rest->size - ret->size};
    return ret->size > 0;
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
    while (next_word(&rest, "+", &name)) {
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

static int put_ciphers(struct buf *text, const char *ciphers, char **ret_error)
{
    enum suite_state states[N_SUITES] = {0};
    struct slice rest = slice_of(ciphers);
    struct slice word;
    bool any = false;

    while (next_word(&rest, ":, ", &word)) {
        int r = apply_word(word, states, ret_error);

        if (r < 0) {
            return r;
        }
    }
    for (size_t i = 0; i < N_SUITES; i++) {
        any |= states[i] == SUITE_ON;
    }
    if (!any) {
        return fail(ret_error, "no usable cipher is left of", slice_of(ciphers));
    }
    buf_puts(text, ":-KX-ALL");
    put_parts(text, states, 0);
    buf_puts(text, ":-CIPHER-ALL");
    put_parts(text, states, 1);
    buf_puts(text, ":-MAC-ALL");
    put_parts(text, states, 2);
    return 0;
}

static bool slice_is_any_case(struct slice word, const char *name)
{
    return word.size == strlen(name) && !strncasecmp(word.data, name, word.size);
}

static int put_protocols(struct buf *text, const char *protocols, char **ret_error)
{
    struct slice rest = slice_of(protocols);
    struct slice word;
    bool has_12 = false, has_13 = false;

    while (next_word(&rest, ", \t", &word)) {
        if (slice_is_any_case(word, "TLSv1.3")) {
            has_13 = true;
        } else if (slice_is_any_case(word, "TLSv1.2")) {
            has_12 = true;
        } else if (slice_is_any_case(word, "TLSv1.1") || slice_is_any_case(word, "TLSv1")) {
            log_warn("protocol " SLICE_FORMAT " is out of date and stays off", SLICE_ARGS(word));
        } else {
            return fail(ret_error, "unknown TLS protocol", word);
        }
    }
    if (!has_12 && !has_13) {
        return fail(ret_error, "no usable protocol is left of", slice_of(protocols));
    }
    buf_printf(text, ":-VERS-ALL%s%s", has_13 ? ":+VERS-TLS1.3" : "",
               has_12 ? ":+VERS-TLS1.2" : "");
    return 0;
}

static bool is_gnutls_string(const char *ciphers)
{
    static const char *const words[] = {"NORMAL", "SECURE", "PFS",         "SUITEB",
                                        "LEGACY", "SYSTEM", "PERFORMANCE", "NONE"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (begins(ciphers, words[i])) {
            return true;
        }
    }
    return ciphers[0] == '@' && !begins(ciphers, "@STRENGTH") && !begins(ciphers, "@SECLEVEL");
}

int tls_priority(const char *protocols, const char *ciphers, char **ret, char **ret_error)
{
    _cleanup_buf_ struct buf text = {0};
    bool is_gnutls = ciphers && is_gnutls_string(ciphers);
    int r = 0;

    buf_puts(&text, is_gnutls ? ciphers : "NORMAL");
    if (protocols || !is_gnutls) {
        r = put_protocols(&text, protocols ? protocols : "TLSv1.3,TLSv1.2", ret_error);
    }
    if (r >= 0 && ciphers && !is_gnutls) {
        r = put_ciphers(&text, ciphers, ret_error);
    } else if (r >= 0 && !ciphers) {
        buf_puts(&text,
                 ":-KX-ALL" DEFAULT_KX ":-CIPHER-ALL" DEFAULT_CIPHER ":-MAC-ALL" DEFAULT_MAC);
    }
    if (r < 0) {
        return r;
    }
    if (!is_gnutls) {
        buf_puts(&text, ":-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:%SERVER_PRECEDENCE");
    }
    *ret = xstrdup(buf_cstr(&text));
    return 0;
}
