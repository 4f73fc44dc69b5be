// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration/sections.h"

#include "basic/dirs.h"
#include "basic/str.h"
#include "daemon/replication/upstream.h"
#include "net/net.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum value_kind {
    VALUE_TEXT,
    VALUE_SCHEMA, // a file name, relative to the folder of packaged schemas
    VALUE_BOOL,
    VALUE_CHOICE, // yes or no; without the key an option counts
    VALUE_MS,
    VALUE_DSCP,
    VALUE_SOURCE, // a server to connect to, as a list of remotes
};

struct key {
    const char *name;
    enum value_kind kind;
    size_t offset; // in the struct of its section
};

static const struct key database_keys[] = {
    {"schema", VALUE_SCHEMA, offsetof(struct config_database, schema)},
    {"source", VALUE_SOURCE, offsetof(struct config_database, source)},
    {"source-inactivity-probe", VALUE_MS,
     offsetof(struct config_database, source_options.probe_interval_ms)},
    {"source-max-backoff", VALUE_MS,
     offsetof(struct config_database, source_options.max_backoff_ms)},
    {"source-dscp", VALUE_DSCP, offsetof(struct config_database, source_options.dscp)},
    {"backup", VALUE_BOOL, offsetof(struct config_database, backup)},
    {"exclude-tables", VALUE_TEXT, offsetof(struct config_database, exclude_tables)},
    {"strict-schema", VALUE_CHOICE, offsetof(struct config_database, strict_schema)},
    {"recover-damaged", VALUE_CHOICE, offsetof(struct config_database, recover_damaged)},
    {"service-model", VALUE_TEXT, offsetof(struct config_database, service_model)},
    {NULL},
};

static const struct key remote_keys[] = {
    {"inactivity-probe", VALUE_MS,
     offsetof(struct remote_config, settings.options.probe_interval_ms)},
    {"max-backoff", VALUE_MS, offsetof(struct remote_config, settings.options.max_backoff_ms)},
    {"dscp", VALUE_DSCP, offsetof(struct remote_config, settings.options.dscp)},
    {"read-only", VALUE_BOOL, offsetof(struct remote_config, settings.read_only)},
    {"role", VALUE_TEXT, offsetof(struct remote_config, settings.role)},
    {NULL},
};

// Adds an option. Handling it checks its value, and whether it may be given twice.
static void add_option(struct configuration *config, const char *name, const char *value,
                       unsigned line)
{
    config->options =
        xreallocarray(config->options, config->n_options + 1, sizeof(*config->options));
    config->options[config->n_options++] =
        (struct config_option){xstrdup(name), xstrdup(value), line};
}

static struct failure *begin_options(struct section *section, const char *name, unsigned line)
{
    return name[0] ? failure_new(FAILURE_INVALID, "the section \"options\" has no name") : NULL;
}

static struct failure *begin_database(struct section *section, const char *name, unsigned line)
{
    _cleanup_free_ char *file = dirs_path(dirs_db(), name);
    size_t n = section->config->n_databases;

    if (!name[0]) {
        return failure_new(FAILURE_INVALID, "a database needs the name of its file");
    }
    configuration_add_database(section->config, file);
    if (section->config->n_databases == n) {
        return failure_new(FAILURE_INVALID, "database %s: given twice", file);
    }
    section->config->databases[n].is_of_file = true;
    return NULL;
}

static struct failure *begin_remote(struct section *section, const char *target, unsigned line)
{
    size_t n = section->config->n_remotes;

    if (!strncmp(target, "pfd:", 4)) {
        return remote_target_check(target); // the text says where such a socket can be named
    }
    if (strncmp(target, "db:", 3) && !remote_target_is_valid(target)) {
        return failure_new(FAILURE_INVALID, "\"%s\" is not a valid remote", target);
    }
    configuration_add_remote(section->config, target);
    return section->config->n_remotes == n
               ? failure_new(FAILURE_INVALID, "remote %s: given twice", target)
               : NULL;
}

// The section is another form of the option --identity. Handling the option checks its value.
static struct failure *begin_identity(struct section *section, const char *name, unsigned line)
{
    add_option(section->config, "identity", name, line);
    return NULL;
}

static void extend_identity(struct configuration *config, const char *key, const char *value)
{
    struct config_option *option = &config->options[config->n_options - 1];
    char *longer = xasprintf("%s,%s=%s", option->value, key, value);

    assert(!strcmp(option->name, "identity")); // begin_identity() has added it
    free(option->value);
    option->value = longer;
}

static const struct {
    const char *name;
    struct failure *(*begin)(struct section *section, const char *name, unsigned line);
} kinds[] = {
    [SECTION_OPTIONS] = {"options", begin_options},
    [SECTION_DATABASE] = {"database", begin_database},
    [SECTION_REMOTE] = {"remote", begin_remote},
    [SECTION_IDENTITY] = {"identity", begin_identity},
};

static_assert(ARRAY_SIZE(kinds) == SECTION_IDENTITY + 1, "each kind of section has a name");
// A bit of section.seen for each key, and an end.
static_assert(ARRAY_SIZE(database_keys) <= 33 && ARRAY_SIZE(remote_keys) <= 33, "too many keys");

struct failure *section_begin(struct section *section, const char *kind, const char *name,
                              unsigned line)
{
    for (size_t i = SECTION_OPTIONS; i < ARRAY_SIZE(kinds); i++) {
        if (!strcmp(kinds[i].name, kind)) {
            section->kind = (enum section_kind)i;
            section->seen = 0;
            return kinds[i].begin(section, name, line);
        }
    }
    return failure_new(FAILURE_INVALID, "unknown section \"%s\"", kind);
}

static struct failure *set_bool(bool *where, const char *value)
{
    return configuration_parse_bool(value, where)
               ? NULL
               : failure_new(FAILURE_INVALID, "yes or no is expected");
}

static struct failure *set_choice(enum config_choice *where, const char *value)
{
    bool is_yes;
    struct failure *failure = set_bool(&is_yes, value);

    if (!failure) {
        *where = is_yes ? CHOICE_YES : CHOICE_NO;
    }
    return failure;
}

static struct failure *set_ms(uint64_t *where, const char *value)
{
    // The maximum is some weeks. Converting the value to microseconds does not overflow.
    return str_parse_number(value, UINT32_MAX, where)
               ? NULL
               : failure_new(FAILURE_INVALID, "milliseconds from 0 to %u are expected", UINT32_MAX);
}

static struct failure *set_dscp(int *where, const char *value)
{
    uint64_t number;

    if (!str_parse_number(value, 63, &number)) {
        return failure_new(FAILURE_INVALID, "a number from 0 to 63 is expected");
    }
    *where = (int)number;
    return NULL;
}

static struct failure *set_source(char **where, const char *value)
{
    _cleanup_failure_ struct failure *failure = upstream_check_source(value);

    if (failure) {
        return failure_new(FAILURE_INVALID,
                           "\"%s\" is not a server to connect to, as tcp:HOST:PORT", value);
    }
    *where = xstrdup(value);
    return NULL;
}

static struct failure *set_value(const struct key *key, void *where, const char *value)
{
    switch (key->kind) {
    case VALUE_TEXT:
        *(char **)where = xstrdup(value);
        return NULL;
    case VALUE_SCHEMA:
        *(char **)where = dirs_path(dirs_pkgdata(), value);
        return NULL;
    case VALUE_BOOL:
        return set_bool(where, value);
    case VALUE_CHOICE:
        return set_choice(where, value);
    case VALUE_MS:
        return set_ms(where, value);
    case VALUE_DSCP:
        return set_dscp(where, value);
    case VALUE_SOURCE:
        return set_source(where, value);
    }
    return NULL;
}

static struct failure *set_key(struct section *section, const struct key *keys, void *item,
                               const char *name, const char *value)
{
    for (size_t i = 0; keys[i].name; i++) {
        if (strcmp(keys[i].name, name)) {
            continue;
        }
        if (section->seen & 1u << i) {
            return failure_new(FAILURE_INVALID, "given twice");
        }
        section->seen |= 1u << i;
        return set_value(&keys[i], (char *)item + keys[i].offset, value);
    }
    return failure_new(FAILURE_INVALID, "unknown key in the section \"%s\"",
                       kinds[section->kind].name);
}

bool section_has_key(const struct section *section, const char *key)
{
    const struct key *keys = section->kind == SECTION_REMOTE ? remote_keys : database_keys;

    assert(section->kind == SECTION_REMOTE || section->kind == SECTION_DATABASE);
    while (keys->name && strcmp(keys->name, key)) {
        keys++;
    }
    return keys->name;
}

struct failure *section_set(struct section *section, const char *key, const char *value,
                            unsigned line)
{
    struct configuration *config = section->config;

    switch (section->kind) {
    case SECTION_NONE:
        return failure_new(FAILURE_INVALID, "a key before the first section");
    case SECTION_OPTIONS:
        add_option(config, key, value, line);
        return NULL;
    case SECTION_DATABASE:
        return set_key(section, database_keys, &config->databases[config->n_databases - 1], key,
                       value);
    case SECTION_IDENTITY:
        extend_identity(config, key, value);
        return NULL;
    case SECTION_REMOTE:
        return set_key(section, remote_keys, &config->remotes[config->n_remotes - 1], key, value);
    }
    return NULL;
}
