// SPDX-License-Identifier: Apache-2.0
// What the two forms of the configuration file have in common: sections, each of a kind and mostly
// with a name, and in them keys with values. What is given twice is an error.
#pragma once

#include "daemon/configuration/configuration.h"

enum section_kind {
    SECTION_NONE,
    SECTION_OPTIONS,
    SECTION_DATABASE,
    SECTION_REMOTE,
    SECTION_IDENTITY
};

// Where the reader is.
struct section {
    struct configuration *config;
    enum section_kind kind;
    uint32_t seen; // keys of this section, by their index in its table
};

// These return NULL, or what is wrong, without the place (caller frees).
char *section_begin(struct section *section, const char *kind, const char *name, unsigned line);
char *section_set(struct section *section, const char *key, const char *value, unsigned line);
// Whether the section, of a database or a remote, has such a key.
bool section_has_key(const struct section *section, const char *key);

// The two readers, into an empty `config`, which the caller frees whatever they return. NULL, or
// what is wrong, with the place (caller frees).
char *configuration_parse_text(const char *path, struct slice text, struct configuration *config);
char *configuration_parse_json(const char *path, struct slice text, struct configuration *config);
