// SPDX-License-Identifier: Apache-2.0
// The part that both forms of the configuration file share: sections, each of a kind and mostly
// with a name, which contain keys with values. A section or key that is given twice is an error.
#pragma once

#include "daemon/configuration/configuration.h"

enum section_kind {
    SECTION_NONE,
    SECTION_OPTIONS,
    SECTION_DATABASE,
    SECTION_REMOTE,
    SECTION_IDENTITY
};

// The section that is being read.
struct section {
    struct configuration *config;
    enum section_kind kind;
    uint32_t seen; // bit i: key i of the section's table has been given
};

// Begins a section, or sets a key of it. `line` is 0 in the JSON form. The text of a failure has
// no file and line.
struct failure *section_begin(struct section *section, const char *kind, const char *name,
                              unsigned line);
struct failure *section_set(struct section *section, const char *key, const char *value,
                            unsigned line);
// Whether the section, which must be of a database or a remote, can have the key.
bool section_has_key(const struct section *section, const char *key);

// Read either form into an empty `config`, which the caller frees also on failure. A failure names
// the file and the line.
struct failure *configuration_parse_text(const char *path, struct slice text,
                                         struct configuration *config);
struct failure *configuration_parse_json(const char *path, struct slice text,
                                         struct configuration *config);
