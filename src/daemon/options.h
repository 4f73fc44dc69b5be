// SPDX-License-Identifier: Apache-2.0
// The command line of ovsdb-server.
#pragma once

#include "daemon/admin/client_limits.h"
#include "daemon/configuration/configuration.h"
#include "daemon/sessions/identities.h"
#include "net/tls/options.h"
#include "service/options.h"
#include "session/slow_log.h"

#include <stdbool.h>
#include <stddef.h>

struct server_options {
    int argc; // the parsed command line; a reload parses it again
    char **argv;
    char *folder; // the working directory at the start; relative file names start from it
    struct service_options service;
    struct tls_options tls;
    char *config_file; // --config-file or --check-config, or NULL
    bool only_check;   // --check-config
    // The content of that file, then the databases and remotes of the command line. The default
    // database if there is no file, no database is named and --no-dbs is not given.
    struct configuration config;
    int *inherited; // descriptors, as numbered by --remote=pfd:FD
    size_t n_inherited;
    char *run;                 // --run, or NULL
    char *sync_from;           // --sync-from, or NULL
    char *sync_exclude_tables; // or NULL
    char *audit;               // --audit, or NULL
    struct limits limits;      // --max-...
    struct slow_log_settings slow_log;
    struct identities identities; // --identity
    bool no_column_diff;          // --disable-file-column-diff
    bool recover_damaged;         // --recover-damaged: default for databases of the file
    bool sync_strict_schema;      // --sync-strict-schema
    bool active;                  // --active: start as active server in spite of --sync-from
};

enum options_outcome {
    OPTIONS_RUN = 1, // start the server
    OPTIONS_EXIT,    // --help or --version has been printed: exit with status 0
    OPTIONS_CHECK,   // --check-config: the file is valid, as far as it can be checked
    OPTIONS_INVALID, // an option or the file is refused
};

// Parses the options of the configuration file and then those of the command line, which override
// them. *ret_failure is the reason of OPTIONS_INVALID, unless getopt_long() has printed it;
// otherwise NULL. -v and the syslog options take effect at once.
enum options_outcome server_options_parse(struct server_options *options, int argc, char **argv,
                                          struct failure **ret_failure);
void server_options_done(struct server_options *options);
