// SPDX-License-Identifier: Apache-2.0
#include "net/tls/priority.h"

#include "basic/alloc.h"
#include "basic/log.h"
#include "basic/slice.h"
#include "net/tls/ciphers.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

LOG_MODULE(tls);

#define DEFAULT_PROTOCOLS "TLSv1.3,TLSv1.2"
#define DEFAULT_CIPHERS   "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20" // forward secrecy
#define DEFAULT_SUITES    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
// X25519 comes first, because clients with OpenSSL offer a key share of that group. Another group
// would cost an additional round trip (RFC 8446 4.1.4).
#define GROUPS                                                                                     \
    ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-X448:+GROUP-SECP384R1:+GROUP-SECP521R1"     \
    ":+GROUP-FFDHE2048:+GROUP-FFDHE3072:+GROUP-FFDHE4096"
#define TAIL GROUPS ":-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:%SERVER_PRECEDENCE"

static bool slice_is_any_case(struct slice word, const char *name)
{
    return word.size == strlen(name) && !strncasecmp(word.data, name, word.size);
}

// From the oldest to the newest.
static const struct protocol {
    const char *name;
    enum tls_version version;
    bool is_usable;
} protocols[] = {
    {.name = "TLSv1"},
    {.name = "TLSv1.1"},
    {"TLSv1.2", TLS_12, true},
    {"TLSv1.3", TLS_13, true},
};

// Returns the index in `protocols`, or -1.
static int find_protocol(struct slice name)
{
    for (int i = 0; i < (int)ARRAY_SIZE(protocols); i++) {
        if (slice_is_any_case(name, protocols[i].name)) {
            return i;
        }
    }
    return -1;
}

// Parses one protocol ("TLSv1.2"), a range ("TLSv1.2-TLSv1.3"), or a protocol and all newer ones
// ("TLSv1.2+").
static struct failure *parse_protocol(struct slice word, bool has[TLS_N_VERSIONS])
{
    const char *dash = memchr(word.data, '-', word.size);
    bool and_newer = word.data[word.size - 1] == '+';
    size_t size = dash ? (size_t)(dash - word.data) : word.size - and_newer;
    int first = find_protocol((struct slice){word.data, size});
    int last = and_newer ? (int)ARRAY_SIZE(protocols) - 1 : first;

    if (dash) {
        last = find_protocol((struct slice){dash + 1, word.size - size - 1});
    }
    if (first < 0 || last < 0) {
        return failure_new(FAILURE_INVALID, "unknown TLS protocol \"" SLICE_FORMAT "\"",
                           SLICE_ARGS(word));
    }
    if (first > last) {
        return failure_new(FAILURE_INVALID,
                           "the range of TLS protocols \"" SLICE_FORMAT
                           "\" does not begin with the older one",
                           SLICE_ARGS(word));
    }
    if (!protocols[first].is_usable) {
        log_warn("TLS protocols older than TLSv1.2 stay off: " SLICE_FORMAT, SLICE_ARGS(word));
    }
    for (int i = first; i <= last; i++) {
        has[protocols[i].version] |= protocols[i].is_usable;
    }
    return NULL;
}

static struct failure *parse_protocols(const char *text, bool has[TLS_N_VERSIONS])
{
    struct slice rest = slice_of(text);
    struct slice word;

    while (slice_next_word(&rest, ", \t", &word)) {
        struct failure *failure = parse_protocol(word, has);

        if (failure) {
            return failure;
        }
    }
    return has[TLS_12] || has[TLS_13]
               ? NULL
               : failure_new(FAILURE_INVALID, "no usable protocol is left of \"%s\"", text);
}

static void put_versions(struct buf *text, const bool has[TLS_N_VERSIONS])
{
    buf_printf(text, ":-VERS-ALL%s%s", has[TLS_13] ? ":+VERS-TLS1.3" : "",
               has[TLS_12] ? ":+VERS-TLS1.2" : "");
}

static bool is_gnutls_string(const char *ciphers)
{
    static const char *const words[] = {"NORMAL", "SECURE", "PFS",         "SUITEB",
                                        "LEGACY", "SYSTEM", "PERFORMANCE", "NONE"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!strncmp(ciphers, words[i], strlen(words[i]))) {
            return true;
        }
    }
    // "@NAME" is a keyword of the system's gnutls configuration, except for two commands of
    // OpenSSL.
    return ciphers[0] == '@' && strncmp(ciphers, "@STRENGTH", 9) &&
           strncmp(ciphers, "@SECLEVEL", 9);
}

// Returns gnutls's name for the least strength of keys, also in certificates, that OpenSSL's
// security level demands. It is at least that of 2048-bit RSA.
static const char *profile_of(unsigned level)
{
    static const char *const names[] = {"HIGH", "ULTRA", "FUTURE"};

    return level < 3 ? "MEDIUM" : names[MIN(level - 3, ARRAY_SIZE(names) - 1)];
}

// Makes the string for TLS 1.2 only, for TLS 1.3 only, or (TLS_ANY) for the enabled ones of both.
static char *priority_text(const bool has[TLS_N_VERSIONS], enum tls_version version,
                           struct tls_ciphers *ciphers)
{
    const bool only[TLS_N_VERSIONS] = {
        [TLS_12] = version != TLS_13 && has[TLS_12], [TLS_13] = version != TLS_12 && has[TLS_13]};
    _cleanup_buf_ struct buf text = {0};

    buf_puts(&text, "NORMAL");
    put_versions(&text, only);
    if (only[TLS_12]) {
        buf_printf(&text, ":-KX-ALL%s", buf_cstr(&ciphers->key_exchanges));
    }
    buf_printf(&text, ":-CIPHER-ALL%s%s", only[TLS_13] ? buf_cstr(&ciphers->ciphers_13) : "",
               only[TLS_12] ? buf_cstr(&ciphers->ciphers) : "");
    buf_printf(&text, ":-MAC-ALL%s%s", only[TLS_13] ? ":+AEAD" : "",
               only[TLS_12] ? buf_cstr(&ciphers->macs) : "");
    buf_printf(&text, "%s:%%PROFILE_%s", TAIL, profile_of(ciphers->level));
    return xstrdup(buf_cstr(&text));
}

// Makes the string from a gnutls priority string, which is kept, and what the other options add.
static char *gnutls_text(const struct tls_choice *choice, const bool has[TLS_N_VERSIONS],
                         struct tls_ciphers *ciphers)
{
    _cleanup_buf_ struct buf text = {0};

    buf_puts(&text, choice->ciphers);
    if (choice->protocols) {
        put_versions(&text, has);
    }
    if (choice->ciphersuites) {
        buf_puts(&text, buf_cstr(&ciphers->ciphers_13));
    }
    return xstrdup(buf_cstr(&text));
}

static const char *or_default(const char *option, const char *value)
{
    return option ? option : value;
}

static struct failure *make_texts(const struct tls_choice *choice, struct tls_ciphers *ciphers,
                                  char *texts[TLS_N_VERSIONS])
{
    bool is_gnutls = choice->ciphers && is_gnutls_string(choice->ciphers);
    bool has[TLS_N_VERSIONS] = {0};
    struct failure *failure =
        parse_protocols(or_default(choice->protocols, DEFAULT_PROTOCOLS), has);

    if (!failure && !is_gnutls) {
        failure = tls_ciphers_parse(or_default(choice->ciphers, DEFAULT_CIPHERS), ciphers);
    }
    if (!failure) {
        failure =
            tls_ciphers_parse_suites(or_default(choice->ciphersuites, DEFAULT_SUITES), ciphers);
    }
    if (failure) {
        return failure;
    }
    texts[TLS_ANY] =
        is_gnutls ? gnutls_text(choice, has, ciphers) : priority_text(has, TLS_ANY, ciphers);
    if (has[TLS_12] && has[TLS_13]) {
        texts[TLS_12] = is_gnutls ? NULL : priority_text(has, TLS_12, ciphers);
        texts[TLS_13] =
            is_gnutls && !choice->ciphersuites ? NULL : priority_text(has, TLS_13, ciphers);
    }
    return NULL;
}

struct failure *tls_priority_texts(const struct tls_choice *choice, char *texts[TLS_N_VERSIONS])
{
    struct tls_ciphers ciphers = {0};
    struct failure *failure = make_texts(choice, &ciphers, texts);

    tls_ciphers_done(&ciphers);
    return failure;
}

struct failure *tls_priority_init(struct tls_priority *priority, const struct tls_choice *choice)
{
    char *texts[TLS_N_VERSIONS] = {0};
    struct failure *failure = tls_priority_texts(choice, texts);

    *priority = (struct tls_priority){0};
    for (int i = 0; i < TLS_N_VERSIONS; i++) {
        const char *where = NULL;

        if (!failure && texts[i] && gnutls_priority_init(&priority->of[i], texts[i], &where) < 0) {
            failure = failure_new(FAILURE_INVALID, "ciphers: not understood from \"%s\" on", where);
        }
        free(texts[i]);
    }
    return failure;
}

void tls_priority_done(struct tls_priority *priority)
{
    for (int i = 0; i < TLS_N_VERSIONS; i++) {
        if (priority->of[i]) {
            gnutls_priority_deinit(priority->of[i]);
        }
    }
    *priority = (struct tls_priority){0};
}

gnutls_priority_t tls_priority_for(const struct tls_priority *priority, gnutls_protocol_t version)
{
    gnutls_priority_t own = priority->of[version == GNUTLS_TLS1_3 ? TLS_13 : TLS_12];

    assert(priority->of[TLS_ANY]);
    return own ? own : priority->of[TLS_ANY];
}

bool tls_priority_allows(const struct tls_priority *priority, gnutls_protocol_t version,
                         gnutls_cipher_algorithm_t cipher)
{
    const unsigned *ciphers;
    int n = gnutls_priority_cipher_list(tls_priority_for(priority, version), &ciphers);

    for (int i = 0; i < n; i++) {
        if (ciphers[i] == (unsigned)cipher) {
            return true;
        }
    }
    return false;
}
