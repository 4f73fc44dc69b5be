// SPDX-License-Identifier: Apache-2.0
#include "daemon/sessions/identities.h"

#include "basic/alloc.h"
#include "basic/str.h"
#include "daemon/configuration/configuration.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

enum match { MATCH_USER, MATCH_GROUP, MATCH_LOCAL, MATCH_TLS };

struct identity_rule {
    char *text; // as given
    enum match match;
    unsigned number; // of the user or group
    char *role;      // NULL: the role of the remote
    char *id;        // NULL: not given; the id of a local client is then the number of its user
    const char *san; // kind of certificate name that is the id of a TLS client, as "DNS:"; or NULL
    bool read_only;
};

static void rule_done(struct identity_rule *rule)
{
    free(rule->text);
    free(rule->role);
    free(rule->id);
}

void identities_done(struct identities *identities)
{
    for (size_t i = 0; i < identities->n; i++) {
        rule_done(&identities->rules[i]);
    }
    free(identities->rules);
    *identities = (struct identities){0};
}

bool identities_equal(const struct identities *a, const struct identities *b)
{
    bool equal = a->n == b->n;

    for (size_t i = 0; equal && i < a->n; i++) {
        equal =
            !strcmp(a->rules[i].text, b->rules[i].text) && a->rules[i].number == b->rules[i].number;
    }
    return equal;
}

// Rules as text

// UINT32_MAX is not a user or group: the kernel uses it for "no change".
static bool parse_number(const char *text, unsigned *ret)
{
    uint64_t number;

    if (!str_parse_number(text, UINT32_MAX - 1, &number)) {
        return false;
    }
    *ret = (unsigned)number;
    return true;
}

static struct failure *find_user(const char *name, unsigned *ret)
{
    const struct passwd *user = getpwnam(name);

    if (user) {
        *ret = user->pw_uid;
    } else if (!parse_number(name, ret)) {
        return failure_new(FAILURE_INVALID, "there is no user \"%s\"", name);
    }
    return NULL;
}

static struct failure *find_group(const char *name, unsigned *ret)
{
    const struct group *group = getgrnam(name);

    if (group) {
        *ret = group->gr_gid;
    } else if (!parse_number(name, ret)) {
        return failure_new(FAILURE_INVALID, "there is no group \"%s\"", name);
    }
    return NULL;
}

static struct failure *parse_match(const char *word, struct identity_rule *rule)
{
    if (!strcmp(word, "tls")) {
        rule->match = MATCH_TLS;
        return NULL;
    }
    if (!strcmp(word, "user:*")) {
        rule->match = MATCH_LOCAL;
        return NULL;
    }
    if (!strncmp(word, "user:", 5)) {
        rule->match = MATCH_USER;
        rule->id = xstrdup(word + 5);
        return find_user(word + 5, &rule->number);
    }
    if (!strncmp(word, "group:", 6)) {
        rule->match = MATCH_GROUP;
        return find_group(word + 6, &rule->number);
    }
    return failure_new(FAILURE_INVALID, "\"%s\" is not user:NAME, user:*, group:NAME or tls", word);
}

static struct failure *parse_id(const char *value, struct identity_rule *rule)
{
    static const struct {
        const char *word, *prefix;
    } names[] = {
        {"cn", NULL}, {"dns", "DNS:"}, {"email", "email:"}, {"uri", "URI:"}, {"ip", "IP:"}};

    if (rule->match != MATCH_TLS) {
        free(rule->id);
        rule->id = xstrdup(value);
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(value, names[i].word)) {
            rule->san = names[i].prefix;
            return NULL;
        }
    }
    return failure_new(FAILURE_INVALID, "id=%s: for tls it is one of cn, dns, email, uri, ip",
                       value);
}

static struct failure *parse_setting(const char *word, struct identity_rule *rule)
{
    const char *value = strchr(word, '=');
    struct slice key = {word, value ? (size_t)(value - word) : strlen(word)};

    if (slice_is(key, "read-only")) {
        bool is_given = !value || configuration_parse_bool(value + 1, &rule->read_only);

        rule->read_only |= !value;
        return is_given ? NULL : failure_new(FAILURE_INVALID, "%s: yes or no is expected", word);
    }
    if (!value || !value[1]) {
        return failure_new(FAILURE_INVALID, "\"%s\" is not role=ROLE, id=ID or read-only=yes",
                           word);
    }
    if (slice_is(key, "role")) {
        free(rule->role);
        rule->role = xstrdup(value + 1);
        return NULL;
    }
    if (slice_is(key, "id")) {
        return parse_id(value + 1, rule);
    }
    return failure_new(FAILURE_INVALID, "\"%s\" is not role=ROLE, id=ID or read-only=yes", word);
}

struct failure *identities_add(struct identities *identities, const char *text)
{
    struct identity_rule rule = {.text = xstrdup(text)};
    struct slice rest = slice_of(text), word;
    struct failure *failure = NULL;
    size_t n = 0;

    for (; !failure && slice_next_word(&rest, ", \t", &word); n++) {
        _cleanup_free_ char *copy = xstrndup(word.data, word.size);

        failure = n ? parse_setting(copy, &rule) : parse_match(copy, &rule);
    }
    if (!n) {
        failure = failure_new(FAILURE_INVALID, "the clients are missing, as user:NAME");
    }
    if (failure) {
        rule_done(&rule);
        return failure;
    }
    GROW(identities->rules, identities->n, identities->capacity);
    identities->rules[identities->n++] = rule;
    return NULL;
}

// Clients

static bool is_member(const struct connection *connection, unsigned group)
{
    _cleanup_free_ gid_t *groups = NULL;
    size_t n = connection_peer_groups(connection, &groups);

    while (n && groups[n - 1] != group) {
        n--;
    }
    return n;
}

static bool rule_matches(const struct identity_rule *rule, const struct connection *connection,
                         const struct session_peer *peer)
{
    switch (rule->match) {
    case MATCH_USER:
        return peer->is_known && peer->uid == rule->number;
    case MATCH_GROUP:
        return peer->is_known && is_member(connection, rule->number);
    case MATCH_LOCAL:
        return peer->is_known;
    case MATCH_TLS:
        return connection_is_tls(connection);
    }
    return false;
}

// The first name of this kind in the certificate, or NULL.
static const char *find_san(const struct connection *connection, const char *kind)
{
    for (const char *const *san = connection_peer_sans(connection); *san; san++) {
        if (!strncmp(*san, kind, strlen(kind))) {
            return *san + strlen(kind);
        }
    }
    return NULL;
}

static void apply_rule(const struct identity_rule *rule, const struct connection *connection,
                       struct buf *scratch, struct session_options *options)
{
    options->read_only |= rule->read_only;
    if (rule->role) {
        options->role = rule->role;
    }
    if (rule->id) {
        options->client_id = rule->id;
    } else if (rule->san) {
        options->client_id = find_san(connection, rule->san);
    } else if (rule->match != MATCH_TLS) {
        buf_printf(scratch, "%u", options->peer.uid);
        options->client_id = buf_cstr(scratch);
    }
}

void identities_apply(const struct identities *identities, const struct connection *connection,
                      struct buf *scratch, struct session_options *options)
{
    for (size_t i = 0; i < identities->n; i++) {
        if (rule_matches(&identities->rules[i], connection, &options->peer)) {
            apply_rule(&identities->rules[i], connection, scratch, options);
            return;
        }
    }
}
