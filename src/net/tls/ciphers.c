// SPDX-License-Identifier: Apache-2.0
// An OpenSSL cipher list is applied, as OpenSSL documents it, to a table of the supported suites:
// each word adds, removes or bans suites. The resulting suites are split into key exchanges,
// ciphers and MACs, as gnutls selects these separately.
//
// OpenSSL ignores unknown words. Here the words for unsupported suites (RC4, aNULL, DES-CBC3-SHA)
// are known and match nothing; any other unknown word is an error, because it may be a typing
// error. A TLS 1.3 suite determines only a cipher.
#include "net/tls/ciphers.h"

#include "basic/alloc.h"
#include "basic/slice.h"

#include <errno.h>

#define N_PARTS 3

struct suite {
    const char *name;           // the name in OpenSSL
    const char *parts[N_PARTS]; // the names in gnutls of key exchange, cipher and MAC
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

// What a keyword can test beside the parts.
#define PART_VERSION N_PARTS // the protocol version that introduced the suite, in OpenSSL's terms
#define EVERY        -1      // nothing: it matches every suite

// A keyword of cipher lists. It matches the suites whose part has this begin and this end.
static const struct keyword {
    const char *name;
    int part;
    const char *begin;
    const char *end;
} keywords[] = {
    {"HIGH", EVERY, "", ""},
    {"ALL", EVERY, "", ""},
    {"DEFAULT", EVERY, "", ""},
    {"FIPS", 1, "AES", ""},
    {"AES", 1, "AES", ""},
    {"AES256", 1, "AES-256", ""},
    {"AES128", 1, "AES-128", ""},
    {"AESGCM", 1, "AES", "GCM"},
    {"CBC", 1, "", "CBC"},
    {"CHACHA20", 1, "CHACHA20", ""},
    {"ECDHE", 0, "ECDHE", ""},
    {"EECDH", 0, "ECDHE", ""},
    {"ECDH", 0, "ECDHE", ""},
    {"kECDHE", 0, "ECDHE", ""},
    {"kEECDH", 0, "ECDHE", ""},
    {"DHE", 0, "DHE", ""},
    {"EDH", 0, "DHE", ""},
    {"DH", 0, "DHE", ""},
    {"kDHE", 0, "DHE", ""},
    {"kEDH", 0, "DHE", ""},
    {"RSA", 0, "RSA", ""},
    {"kRSA", 0, "RSA", ""},
    {"aRSA", 0, "", "RSA"},
    {"aECDSA", 0, "", "ECDSA"},
    {"ECDSA", 0, "", "ECDSA"},
    {"SHA", 2, "SHA1", ""},
    {"SHA1", 2, "SHA1", ""},
    {"SHA256", 2, "SHA256", ""},
    {"SHA384", 2, "SHA384", ""},
    {"TLSv1.2", PART_VERSION, "TLSv1.2", ""},
    {"TLSv1.0", PART_VERSION, "TLSv1.0", ""},
    {"TLSv1", PART_VERSION, "TLSv1.0", ""},
    {"SSLv3", PART_VERSION, "SSLv3", ""},
};

// Keywords that match only unsupported suites.
static const char *const bad_keywords[] = {
    "MEDIUM",
    "LOW",
    "EXP",
    "EXPORT",
    "EXPORT40",
    "EXPORT56",
    "NULL",
    "eNULL",
    "aNULL",
    "ADH",
    "AECDH",
    "DES",
    "3DES",
    "RC2",
    "RC4",
    "IDEA",
    "SEED",
    "MD5",
    "PSK",
    "kPSK",
    "aPSK",
    "kRSAPSK",
    "kECDHEPSK",
    "kDHEPSK",
    "SRP",
    "kSRP",
    "aSRP",
    "DSS",
    "aDSS",
    "KRB5",
    "kKRB5",
    "aKRB5",
    "kDH",
    "kDHr",
    "kDHd",
    "aDH",
    "kECDH",
    "kECDHr",
    "kECDHe",
    "aECDH",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "ARIA",
    "ARIA128",
    "ARIA256",
    "ARIAGCM",
    "AESCCM",
    "AESCCM8",
    "GOST",
    "kGOST",
    "aGOST",
    "aGOST01",
    "GOST94",
    "GOST89MAC",
    "SSLv2",
    "TLSv1.1",
    "COMPLEMENTOFALL",
    "COMPLEMENTOFDEFAULT",
};

// The parts of the names of unsupported suites.
static const char *const bad_parts[] = {
    "ECDHE",   "ECDH",    "DHE",      "EDH",      "DH",     "ADH",         "AECDH",
    "RSA",     "ECDSA",   "DSS",      "anon",     "PSK",    "SRP",         "KRB5",
    "EXP",     "EXP1024", "AES128",   "AES256",   "GCM",    "CCM",         "CCM8",
    "CBC",     "CBC3",    "CBC",      "DES",      "RC4",    "RC2",         "IDEA",
    "SEED",    "40",      "56",       "64",       "128",    "CAMELLIA128", "CAMELLIA256",
    "ARIA128", "ARIA256", "CHACHA20", "POLY1305", "NULL",   "SHA",         "SHA256",
    "SHA384",  "MD5",     "GOST2001", "GOST89",   "GOST94", "3DES",        "EDE",
};

// The suites of TLS 1.3, with the names of their ciphers in gnutls.
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

#define MAX_LEVEL 5 // OpenSSL's security levels

static struct failure *invalid_word(const char *what, struct slice word)
{
    return failure_new(FAILURE_INVALID, "%s \"" SLICE_FORMAT "\"", what, SLICE_ARGS(word));
}

static bool has_begin(const char *text, const char *begin)
{
    return !strncmp(text, begin, strlen(begin));
}

static bool has_end(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && !strcmp(text + size - end_size, end);
}

static const char *version_of(const struct suite *suite)
{
    if (strcmp(suite->parts[2], "SHA1")) {
        return "TLSv1.2";
    }
    return has_begin(suite->parts[0], "ECDHE") ? "TLSv1.0" : "SSLv3";
}

static bool suite_has(const struct suite *suite, const struct keyword *keyword)
{
    const char *part;

    if (keyword->part == EVERY) {
        return true;
    }
    part = keyword->part == PART_VERSION ? version_of(suite) : suite->parts[keyword->part];
    return has_begin(part, keyword->begin) && has_end(part, keyword->end);
}

static bool is_among(struct slice word, const char *const *list, size_t n)
{
    size_t i = 0;

    while (i < n && !slice_is(word, list[i])) {
        i++;
    }
    return i < n;
}

static size_t find_suite_13(struct slice name)
{
    size_t i = 0;

    while (i < ARRAY_SIZE(suites_13) && !slice_is(name, suites_13[i].name)) {
        i++;
    }
    return i;
}

// True if a present or past OpenSSL knows this word and it matches none of our suites.
static bool is_bad(struct slice word)
{
    struct slice rest = word;
    struct slice part;
    unsigned n = 0;

    if (is_among(word, bad_keywords, ARRAY_SIZE(bad_keywords)) ||
        find_suite_13(word) < ARRAY_SIZE(suites_13)) {
        return true;
    }
    while (slice_next_word(&rest, "-", &part)) {
        if (!is_among(part, bad_parts, ARRAY_SIZE(bad_parts))) {
            return false;
        }
        n++;
    }
    return n > 1;
}

// Removes from `matches` the suites that do not match a name, which is that of a suite or a
// keyword. Returns false if the name is unknown.
static bool narrow_matches(struct slice name, bool matches[N_SUITES])
{
    const struct keyword *keyword = NULL;
    bool known = is_bad(name);

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

static struct failure *apply_word(struct slice word, enum suite_state states[N_SUITES])
{
    char sign = strchr("!-+", word.data[0]) ? word.data[0] : ' ';
    struct slice rest = sign == ' ' ? word : (struct slice){word.data + 1, word.size - 1};
    struct slice name;
    bool matches[N_SUITES];

    memset(matches, true, sizeof(matches));
    if (!rest.size) {
        return invalid_word("ciphers: no name follows in", word);
    }
    while (slice_next_word(&rest, "+", &name)) {
        if (!narrow_matches(name, matches)) {
            return invalid_word("unknown cipher", name);
        }
    }
    for (size_t i = 0; i < N_SUITES; i++) {
        if (!matches[i] || states[i] == SUITE_BANNED || sign == '+') {
            continue; // '+' only changes the order
        }
        states[i] = sign == '!' ? SUITE_BANNED : sign == '-' ? SUITE_OFF : SUITE_ON;
    }
    return NULL;
}

// Appends the part number `part` of every enabled suite, each name once.
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

// "@STRENGTH" has no effect, as the table is sorted by strength. "@SECLEVEL=N" has no effect for N
// up to 2, as the table has no weaker suites.
static struct failure *apply_command(struct slice word, unsigned *level)
{
    static const char head[] = "@SECLEVEL=";
    size_t size = sizeof(head) - 1;

    if (word.size == size + 1 && !memcmp(word.data, head, size) && word.data[size] >= '0' &&
        word.data[size] <= '0' + MAX_LEVEL) {
        *level = (unsigned)(word.data[size] - '0');
        return NULL;
    }
    return slice_is(word, "@STRENGTH") ? NULL : invalid_word("ciphers: unknown command", word);
}

// Applies an item of the list, which may be a word directly followed by a command:
// "DEFAULT@SECLEVEL=1".
static struct failure *apply_item(struct slice word, enum suite_state states[N_SUITES],
                                  unsigned *level)
{
    const char *at = memchr(word.data, '@', word.size);
    size_t size = at ? (size_t)(at - word.data) : word.size;
    struct failure *failure = size ? apply_word((struct slice){word.data, size}, states) : NULL;

    return failure || !at ? failure : apply_command((struct slice){at, word.size - size}, level);
}

// OpenSSL requires forward secrecy from level 3 on, and forbids SHA-1 from level 4 on.
static struct failure *apply_level(unsigned level, enum suite_state states[N_SUITES])
{
    struct failure *failure = level >= 3 ? apply_word(SLICE("!kRSA"), states) : NULL;

    return failure || level < 4 ? failure : apply_word(SLICE("!SHA1"), states);
}

struct failure *tls_ciphers_parse(const char *list, struct tls_ciphers *ciphers)
{
    enum suite_state states[N_SUITES] = {0};
    struct slice rest = slice_of(list);
    struct failure *failure = NULL;
    struct slice word;

    while (!failure && slice_next_word(&rest, ":,; ", &word)) {
        failure = apply_item(word, states, &ciphers->level);
    }
    if (!failure) {
        failure = apply_level(ciphers->level, states);
    }
    if (failure) {
        return failure;
    }
    put_parts(&ciphers->key_exchanges, states, 0);
    put_parts(&ciphers->ciphers, states, 1);
    put_parts(&ciphers->macs, states, 2);
    return ciphers->macs.size ? NULL : invalid_word("no usable cipher is left of", slice_of(list));
}

struct failure *tls_ciphers_parse_suites(const char *list, struct tls_ciphers *ciphers)
{
    struct slice rest = slice_of(list);
    struct slice word;

    while (slice_next_word(&rest, ":, ", &word)) {
        size_t i = find_suite_13(word);

        if (i == ARRAY_SIZE(suites_13)) {
            return invalid_word("unknown cipher suite of TLS 1.3", word);
        }
        buf_printf(&ciphers->ciphers_13, ":+%s", suites_13[i].cipher);
    }
    return ciphers->ciphers_13.size ? NULL
                                    : invalid_word("no cipher suite is left of", slice_of(list));
}

void tls_ciphers_done(struct tls_ciphers *ciphers)
{
    buf_done(&ciphers->key_exchanges);
    buf_done(&ciphers->ciphers);
    buf_done(&ciphers->macs);
    buf_done(&ciphers->ciphers_13);
}
