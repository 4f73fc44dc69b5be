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
    int argc; // what was parsed, to be parsed again
    char **argv;
    char *folder; // where that was
    struct service_options service;
    struct tls_options tls;
    char *config_file; // --config-file or --check-config, or NULL
    bool only_check;   // --check-config
    // Of that file, and the databases and remotes of the command line besides; the default database
    // if there is no file, none was named and --no-dbs was not given.
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
    bool recover_damaged;         // --recover-damaged: of databases that do not say it themselves
    bool active;                  // --active: no backup at first in spite of --sync-from
};

enum options_outcome {
    OPTIONS_RUN = 1, // go on
    OPTIONS_EXIT,    // --help or --version has been printed
    OPTIONS_CHECK,   // --check-config: what can be said without a start is right
};

// Parses the configuration file's options, then the command line, whose options go before them. An
// outcome, or -EINVAL with the reason in *ret_error (caller frees; NULL when it has been
// printed). -v and the syslog options have acted already.
int server_options_parse(struct server_options *options, int argc, char **argv, char **ret_error);
void server_options_done(struct server_options *options);
