// SPDX-License-Identifier: Apache-2.0
// The content of the configuration file (--config-file): options, databases, remotes. An
// administrator writes it as sections of keys, a program as a JSON object; the first character
// tells which form it has. Both forms have the same keys and are read into the same struct:
//
//     # this host                        {"remotes": {"ptcp:6640": {"read-only": true}},
//     [options]                           "databases": {"conf.db": {}}}
//     max-backlog = 500M
//     [database conf.db]
//     schema = vswitch.ovsschema
//     [remote ptcp:6640]
//     read-only = yes
#pragma once

#include "basic/failure.h"
#include "basic/slice.h"
#include "daemon/remotes/settings.h"

// A long option of the command line.
struct config_option {
    char *name;  // without the dashes
    char *value; // "" if the file gives none
    unsigned line;
};

// The value of a key that overrides an option of the command line.
enum config_choice { CHOICE_UNSET, CHOICE_NO, CHOICE_YES };

struct config_database {
    char *file;
    char *schema;         // a missing file is created with it, an older one converted; or NULL
    char *source;         // the remotes of the active server that a backup copies, or NULL
    char *exclude_tables; // tables not to copy: names, separated by commas; or NULL
    char *service_model;  // or NULL
    bool is_of_file;      // named in the file; else on the command line
    enum config_choice recover_damaged;   // overrides --recover-damaged for this database
    enum config_choice strict_schema;     // overrides --sync-strict-schema for this database
    bool backup;                          // whether the server starts as a backup of the source
    struct remote_options source_options; // of the connection to the source
};

// A zeroed struct is an empty configuration.
struct configuration {
    struct config_option *options;
    size_t n_options;
    struct config_database *databases;
    size_t n_databases;
    struct remote_config *remotes;
    size_t n_remotes;
    size_t n_remotes_of_file; // they come first
    char **warnings;          // one for each key of the file that was ignored
    size_t n_warnings;
};

void configuration_done(struct configuration *config);
// Whether the file has this option of the command line.
bool configuration_has_option(const struct configuration *config, const char *name);
// Adds a database or remote without settings, unless there is one of this name.
void configuration_add_database(struct configuration *config, const char *file);
void configuration_add_remote(struct configuration *config, const char *target);
// Parses "yes", "no", "true", "false", "on", "off" in any case. False: `value` is none of these.
bool configuration_parse_bool(const char *value, bool *ret);
