// SPDX-License-Identifier: Apache-2.0
#include "daemon/options.h"

#include "basic/alloc.h"
#include "basic/dirs.h"
#include "basic/str.h"
#include "config.h"
#include "daemon/configuration/load.h"
#include "daemon/databases/databases.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_REMOTE = 0x1000,
    OPTION_RUN,
    OPTION_NO_DBS,
    OPTION_SYNC_FROM,
    OPTION_SYNC_EXCLUDE,
    OPTION_SYNC_STRICT,
    OPTION_ACTIVE,
    OPTION_CONFIG_FILE,
    OPTION_CHECK_CONFIG,
    OPTION_IDENTITY,
    OPTION_AUDIT,
    OPTION_NO_COLUMN_DIFF,
    OPTION_NO_DATA_CONVERSION,
    OPTION_RECOVER_DAMAGED,
    OPTION_RECORD,
    OPTION_REPLAY,
    OPTION_SLOW_LOG_SIZE,
    OPTION_SLOW_LOG_THRESHOLD,
};

static const struct option long_options[] = {
    {"remote", required_argument, NULL, OPTION_REMOTE},
    {"run", required_argument, NULL, OPTION_RUN},
    {"no-dbs", no_argument, NULL, OPTION_NO_DBS},
    {"sync-from", required_argument, NULL, OPTION_SYNC_FROM},
    {"sync-exclude-tables", required_argument, NULL, OPTION_SYNC_EXCLUDE},
    {"sync-strict-schema", no_argument, NULL, OPTION_SYNC_STRICT},
    {"active", no_argument, NULL, OPTION_ACTIVE},
    {"identity", required_argument, NULL, OPTION_IDENTITY},
    {"config-file", required_argument, NULL, OPTION_CONFIG_FILE},
    {"check-config", required_argument, NULL, OPTION_CHECK_CONFIG},
    {"audit", required_argument, NULL, OPTION_AUDIT},
    {"disable-file-column-diff", no_argument, NULL, OPTION_NO_COLUMN_DIFF},
    {"disable-file-no-data-conversion", no_argument, NULL, OPTION_NO_DATA_CONVERSION},
    {"recover-damaged", no_argument, NULL, OPTION_RECOVER_DAMAGED},
    {"record", optional_argument, NULL, OPTION_RECORD},
    {"replay", optional_argument, NULL, OPTION_REPLAY},
    {"slow-log-size", required_argument, NULL, OPTION_SLOW_LOG_SIZE},
    {"slow-log-threshold", required_argument, NULL, OPTION_SLOW_LOG_THRESHOLD},
    {"help", no_argument, NULL, 'h'},
    {"option", no_argument, NULL, 'o'},
    {"version", no_argument, NULL, 'V'},
    SERVICE_LONG_OPTIONS,
    TLS_LONG_OPTIONS,
    LIMITS_LONG_OPTIONS // the macro ends with a comma
    {NULL, 0, NULL, 0},
};

static void print_help(void)
{
    printf(
        "ovsdb-server: OVSDB database server (RFC 7047)\n"
        "usage: ovsdb-server [OPTION]... [DATABASE]...\n"
        "Serves each DATABASE, a file that \"ovsdb-tool create\" made.\n"
        "If none is named: %s/conf.db\n"
        "\nClient connections (may be given several times):\n"
        "  --remote=REMOTE         listen on, or connect to, REMOTE:\n"
        "    punix:FILE              listen on the Unix socket FILE\n"
        "    ptcp:[PORT][:IP]        listen on TCP PORT (default 6640) of IP\n"
        "    unix:FILE               connect to the Unix socket FILE\n"
        "    tcp:HOST[:PORT]         connect to TCP PORT of HOST\n"
        "    pssl:[PORT][:IP]        the same as ptcp, with TLS\n"
        "    ssl:HOST[:PORT]         the same as tcp, with TLS\n"
        "    pfd:FD                  listen on the inherited socket with the number FD\n"
        "    db:DB,TABLE,COLUMN      the remotes that a column of a database names\n"
        "  Sockets passed by the service manager are listened on as well.\n"
        "  --identity=WHO,SETTING,...  role, id and rights of clients; the first that matches:\n"
        "    user:NAME, group:NAME, user:*  of a Unix socket\n"
        "    tls                     with TLS; id=cn|dns|email|uri|ip of the certificate\n"
        "    role=ROLE, id=ID, read-only=yes  settings of clients that match\n",
        dirs_db());
    printf(
        "\nActive-backup replication:\n"
        "  --sync-from=SERVER,...  copy the databases of the active SERVER, and follow them\n"
        "  --sync-exclude-tables=DB:TABLE,...  except these tables\n"
        "  --sync-strict-schema    refuse to copy a database if the schemas differ\n"
        "  --active                start as active server in spite of --sync-from\n");
    client_limits_help();
    tls_options_help("ovsdb-server");
    service_options_help("ovsdb-server");
    printf(
        "\nOther options:\n"
        "  --audit=DB[:TABLE],...  log each transaction that changes these\n"
        "  --config-file=FILE      options, databases and remotes (see ovsdb-server.conf(5)), "
        "which\n"
        "                          are read again by ovsdb-server/reload\n"
        "  --disable-file-column-diff\n"
        "                          write whole values to database files, not differences\n"
        "  --disable-file-no-data-conversion\n"
        "                          accepted without effect\n"
        "  --check-config=FILE     only check such a file: print its errors, exit with\n"
        "                          status 1 if it would be refused\n"
        "  --no-dbs                serve no database at the start (see ovsdb-server/add-db)\n"
        "  --recover-damaged       serve the undamaged prefix of a damaged database; keep a copy\n"
        "  --slow-log-size=N       transactions that the slow log keeps (default 100)\n"
        "  --slow-log-threshold=MS  least duration of these, in milliseconds (default 10)\n"
        "  --run=COMMAND           run the shell COMMAND, exit when it ends\n"
        "  --record, --replay      not supported\n"
        "  -h, --help              print this text\n"
        "  -o, --option            print the options, for programs\n"
        "  -V, --version           print the version\n");
}

#define SHORT_OPTIONS "hoVv::" TLS_SHORT_OPTIONS

static void replace_string(char **where, const char *value)
{
    free(*where);
    *where = xstrdup(value);
}

// "pfd:FD"
static struct failure *add_inherited(struct server_options *options, const char *target)
{
    uint64_t fd;

    if (!str_parse_number(target + strlen("pfd:"), INT_MAX, &fd)) {
        return failure_new(FAILURE_INVALID, "--remote=%s: the number of a descriptor is expected",
                           target);
    }
    options->inherited =
        xreallocarray(options->inherited, options->n_inherited + 1, sizeof(*options->inherited));
    options->inherited[options->n_inherited++] = (int)fd;
    return NULL;
}

static struct failure *not_supported(const char *name)
{
    return failure_new(FAILURE_INVALID, "%s is not supported by this server", name);
}

// Stores a number of at most `max` for the option `name`.
static struct failure *parse_number(const char *name, const char *argument, uint64_t max,
                                    uint64_t *ret)
{
    return str_parse_number(argument, max, ret)
               ? NULL
               : failure_new(FAILURE_INVALID, "--%s=%s: a number from 0 to %llu is expected", name,
                             argument, (unsigned long long)max);
}

static struct failure *set_slow_log_size(struct slow_log_settings *settings, const char *argument)
{
    uint64_t size = settings->size;
    struct failure *failure = parse_number("slow-log-size", argument, SLOW_LOG_MAX_SIZE, &size);

    settings->size = size;
    return failure;
}

static struct failure *set_slow_log_threshold(struct slow_log_settings *settings,
                                              const char *argument)
{
    uint64_t ms = settings->threshold / USEC_PER_MSEC;
    struct failure *failure = parse_number("slow-log-threshold", argument, UINT32_MAX, &ms);

    settings->threshold = ms * USEC_PER_MSEC;
    return failure;
}

static struct failure *add_remote(struct server_options *options, const char *target)
{
    if (!strncmp(target, "pfd:", strlen("pfd:"))) {
        return add_inherited(options, target);
    }
    configuration_add_remote(&options->config, target);
    return NULL;
}

// Handles the options that the functions of other modules define.
static struct failure *handle_shared_option(struct server_options *options, int c,
                                            const char *argument)
{
    struct failure *failure = NULL;

    if (!client_limits_handle(&options->limits, c, argument, &failure) &&
        !tls_options_handle(&options->tls, c, argument, &failure)) {
        service_options_handle(&options->service, c, argument, &failure);
    }
    return failure;
}

// Handles one option of this program. *ret_end: the option ends parsing with this outcome.
static struct failure *handle_option(struct server_options *options, int c, const char *argument,
                                     bool *no_dbs, enum options_outcome *ret_end)
{
    switch (c) {
    case OPTION_RECORD:
        return not_supported("--record");
    case OPTION_REPLAY:
        return not_supported("--replay");
    case OPTION_REMOTE:
        return add_remote(options, argument);
    case OPTION_RUN:
        replace_string(&options->run, argument);
        return NULL;
    case OPTION_CONFIG_FILE:
    case OPTION_CHECK_CONFIG:
        return NULL; // find_config_file() has found it
    case OPTION_IDENTITY:
        return failure_prefix(identities_add(&options->identities, argument), "--identity=%s",
                              argument);
    case OPTION_NO_DBS:
        *no_dbs = true;
        return NULL;
    case OPTION_SYNC_FROM:
        replace_string(&options->sync_from, argument);
        return NULL;
    case OPTION_SYNC_STRICT:
        options->sync_strict_schema = true;
        return NULL;
    case OPTION_SYNC_EXCLUDE:
        replace_string(&options->sync_exclude_tables, argument);
        return NULL;
    case OPTION_AUDIT:
        replace_string(&options->audit, argument);
        return NULL;
    case OPTION_NO_COLUMN_DIFF:
        options->no_column_diff = true;
        return NULL;
    case OPTION_NO_DATA_CONVERSION:
        return NULL; // it concerns clustered databases; a conversion always writes the data
    case OPTION_RECOVER_DAMAGED:
        options->recover_damaged = true;
        return NULL;
    case OPTION_SLOW_LOG_SIZE:
        return set_slow_log_size(&options->slow_log, argument);
    case OPTION_SLOW_LOG_THRESHOLD:
        return set_slow_log_threshold(&options->slow_log, argument);
    case OPTION_ACTIVE:
        options->active = true;
        return NULL;
    case 'h':
        print_help();
        *ret_end = OPTIONS_EXIT;
        return NULL;
    case 'o':
        service_options_list(long_options);
        *ret_end = OPTIONS_EXIT;
        return NULL;
    case 'V':
        puts("ovsdb-server " OVSDBD_VERSION_TEXT);
        *ret_end = OPTIONS_EXIT;
        return NULL;
    case '?':
        *ret_end = OPTIONS_INVALID; // getopt_long() has printed an error message
        return NULL;
    default:
        return handle_shared_option(options, c, argument);
    }
}

// The last --config-file or --check-config of the command line, or NULL.
static const char *find_config_file(int argc, char **argv, bool *ret_only_check)
{
    const char *file = NULL;
    int saved = opterr;
    int c;

    optind = 0; // starts again: the command line is parsed several times
    opterr = 0;
    while ((c = getopt_long(argc, argv, SHORT_OPTIONS, long_options, NULL)) != -1) {
        if (c == OPTION_CONFIG_FILE || c == OPTION_CHECK_CONFIG) {
            file = optarg;
            *ret_only_check |= c == OPTION_CHECK_CONFIG;
        }
    }
    opterr = saved;
    return file;
}

// The option of this name, if it may stand in the file; else NULL.
static const struct option *find_option(const char *name)
{
    static const char *const of_command_line[] = {"check-config", "config-file", "help",   "option",
                                                  "remote",       "run",         "version"};

    for (size_t i = 0; i < ARRAY_SIZE(of_command_line); i++) {
        if (!strcmp(of_command_line[i], name)) {
            return NULL;
        }
    }
    for (const struct option *option = long_options; option->name; option++) {
        if (!strcmp(option->name, name)) {
            return option;
        }
    }
    return NULL;
}

// Handles an option of the file. An option without argument has the value "yes" or "no" in the
// file.
static struct failure *handle_config(struct server_options *options,
                                     const struct config_option *item, bool *no_dbs)
{
    enum options_outcome end; // no option of the file ends parsing
    const struct option *option = find_option(item->name);
    const char *value = item->value;
    bool is_on = true;

    if (!option) {
        return failure_new(FAILURE_INVALID, "not an option of the configuration file");
    }
    if (option->has_arg == required_argument) {
        if (!value[0]) {
            return failure_new(FAILURE_INVALID, "a value is missing");
        }
        return handle_option(options, option->val, value, no_dbs, &end);
    }
    if (configuration_parse_bool(value, &is_on) || !value[0]) {
        value = NULL;
    } else if (option->has_arg == no_argument) {
        return failure_new(FAILURE_INVALID, "yes or no is expected");
    }
    return is_on ? handle_option(options, option->val, value, no_dbs, &end) : NULL;
}

static struct failure *read_config(struct server_options *options, bool *no_dbs)
{
    struct failure *failure = configuration_load(options->config_file, &options->config);

    for (size_t i = 0; i < options->config.n_options && !failure; i++) {
        const struct config_option *item = &options->config.options[i];

        failure = failure_prefix(handle_config(options, item, no_dbs), "%s:%u: %s",
                                 options->config_file, item->line, item->name);
    }
    return failure;
}

// Adds the databases of the command line, or the default one.
static void add_databases(struct server_options *options, int n, char **files, bool no_dbs)
{
    for (int i = 0; i < n; i++) {
        _cleanup_free_ char *file = databases_is_relay(files[i])
                                        ? xstrdup(files[i])
                                        : dirs_path(str_or_empty(options->folder), files[i]);

        configuration_add_database(&options->config, file);
    }
    if (!options->config.n_databases && !options->config_file && !no_dbs) {
        _cleanup_free_ char *file = dirs_path(dirs_db(), "conf.db");

        configuration_add_database(&options->config, file);
    }
}

enum options_outcome server_options_parse(struct server_options *options, int argc, char **argv,
                                          struct failure **ret_failure)
{
    const char *config_file = find_config_file(argc, argv, &options->only_check);
    enum options_outcome end = options->only_check ? OPTIONS_CHECK : OPTIONS_RUN;
    struct failure *failure = NULL;
    bool no_dbs = false;
    int c;

    options->argc = argc;
    options->argv = argv;
    options->folder = getcwd(NULL, 0);
    options->limits = LIMITS_DEFAULT;
    options->slow_log = SLOW_LOG_SETTINGS_DEFAULT;
    *ret_failure = NULL;
    if (config_file) {
        options->config_file = dirs_path(str_or_empty(options->folder), config_file);
        failure = read_config(options, &no_dbs);
    }
    optind = 0;
    while (!failure && (c = getopt_long(argc, argv, SHORT_OPTIONS, long_options, NULL)) != -1) {
        enum options_outcome ended = 0;

        failure = handle_option(options, c, optarg, &no_dbs, &ended);
        if (ended) {
            return ended;
        }
    }
    if (!failure) {
        add_databases(options, argc - optind, argv + optind, no_dbs);
    }
    *ret_failure = failure;
    return failure ? OPTIONS_INVALID : end;
}

void server_options_done(struct server_options *options)
{
    service_options_done(&options->service);
    tls_options_done(&options->tls);
    configuration_done(&options->config);
    identities_done(&options->identities);
    free(options->config_file);
    free(options->folder);
    free(options->run);
    free(options->sync_from);
    free(options->audit);
    free(options->sync_exclude_tables);
    free(options->inherited);
}
