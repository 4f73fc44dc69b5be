// SPDX-License-Identifier: Apache-2.0
// The configuration file (--config-file): options, databases, remotes. An administrator writes it
// as sections of keys, a program as a JSON object; the first character tells which it is. Both are
// read by the same keys into the same struct:
//
//     # of the host                      {"remotes": {"ptcp:6640": {"read-only": true}},
//     [options]                           "databases": {"conf.db": {}}}
//     max-backlog = 500M
//     [database conf.db]
//     schema = vswitch.ovsschema
//     [remote ptcp:6640]
//     read-only = yes
#pragma once

#include "basic/slice.h"
#include "daemon/remotes/remotes.h"

// A long option of the command line.
struct config_option {
    char *name;  // without the dashes
    char *value; // "" if the file gives none
    unsigned line;
};

// A key that replaces an option if it is given.
enum config_choice { CHOICE_UNSET, CHOICE_NO, CHOICE_YES };

struct config_database {
    char *file;
    char *schema;         // the file is made from it, or converted to it; NULL: it must be there
    char *source;         // the active server of which it is a copy, or NULL
    char *exclude_tables; // of the copy: names, separated by commas; or NULL
    char *service_model;  // or NULL
    bool is_of_file;      // else of the command line
    enum config_choice recover_damaged;   // of --recover-damaged, for this database
    bool backup;                          // whether to begin as a copy of the source
    struct remote_options source_options; // of the connection to it
};

// Zeroed, it is an empty one.
struct configuration {
    struct config_option *options;
    size_t n_options;
    struct config_database *databases;
    size_t n_databases;
    struct remote_config *remotes;
    size_t n_remotes;
    size_t n_remotes_of_file; // they come first
    char **warnings;          // what was ignored in the file, with file and key
    size_t n_warnings;
};

void configuration_done(struct configuration *config);
// Reads the file. NULL, or what is wrong with file, line and key (caller frees).
char *configuration_load(const char *path, struct configuration *ret);
// The same for text that was read; `path` is for messages.
char *configuration_parse(const char *path, struct slice text, struct configuration *ret);
// NULL, or what is wrong (caller frees): the server has one role and one source for all databases.
char *configuration_check_roles(const struct configuration *config);
// Whether the file says of which server the databases are copies, or that they are of none.
bool configuration_sets_roles(const struct configuration *config);
// Adds one, unless it is there already; without settings.
void configuration_add_database(struct configuration *config, const char *file);
void configuration_add_remote(struct configuration *config, const char *target);
// The value of "yes", "no", "true", "false", "on", "off". False: it is none of these.
bool configuration_parse_bool(const char *value, bool *ret);
