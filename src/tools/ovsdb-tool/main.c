// SPDX-License-Identifier: Apache-2.0
// ovsdb-tool, which works on database files without a server: options and the table of verbs.
#include "basic/dirs.h"
#include "service/options.h"
#include "tools/ovsdb-tool/verbs.h"
#include "tools/progress_bar.h"
#include "tools/tool.h"

#include <stdio.h>

enum {
    OPTION_RBAC_ROLE = 0x1000,
    OPTION_RBAC_ID,
    OPTION_SKIP_DAMAGED,
    OPTION_NO_PROGRESS,
    OPTION_ELECTION_TIMER,
    OPTION_CID,
};

static const struct option long_options[] = {
    {"rbac-role", required_argument, NULL, OPTION_RBAC_ROLE},
    {"rbac-id", required_argument, NULL, OPTION_RBAC_ID},
    {"skip-damaged", no_argument, NULL, OPTION_SKIP_DAMAGED},
    {"election-timer", required_argument, NULL, OPTION_ELECTION_TIMER},
    {"cid", required_argument, NULL, OPTION_CID},
    {"no-progress", no_argument, NULL, OPTION_NO_PROGRESS},
    {"more", no_argument, NULL, 'm'},
    {"help", no_argument, NULL, 'h'},
    {"option", no_argument, NULL, 'o'},
    {"version", no_argument, NULL, 'V'},
    SERVICE_LOG_LONG_OPTIONS,
    {NULL},
};

static void tool_list_commands(const struct tool_context *context, int argc, char **argv);
static void tool_help(const struct tool_context *context, int argc, char **argv);

static const struct tool_verb verbs[] = {
    {"check", "[db]", 0, 1, tool_check_file},
    {"check-cluster", "db...", 1, -1, tool_check_cluster},
    {"cluster-to-standalone", "db clusterdb", 2, 2, tool_cluster_to_standalone},
    {"compact", "[db [target]]", 0, 2, tool_compact},
    {"compare-versions", "a op b", 3, 3, tool_compare_versions},
    {"convert", "[db [schema [target]]]", 0, 3, tool_convert},
    {"create", "[db [schema]]", 0, 2, tool_create},
    {"create-cluster", "db contents local", 3, 3, tool_create_cluster},
    {"db-cid", "db", 1, 1, tool_db_cid},
    {"db-cksum", "[db]", 0, 1, tool_db_cksum},
    {"db-is-clustered", "db", 1, 1, tool_db_is_clustered},
    {"db-is-standalone", "db", 1, 1, tool_db_is_standalone},
    {"db-local-address", "db", 1, 1, tool_db_local_address},
    {"db-name", "[db]", 0, 1, tool_db_name},
    {"db-sid", "db", 1, 1, tool_db_sid},
    {"db-version", "[db]", 0, 1, tool_db_version},
    {"help", "", 0, -1, tool_help},
    {"join-cluster", "db name local remote...", 4, -1, tool_join_cluster},
    {"list-commands", "", 0, -1, tool_list_commands},
    {"needs-conversion", "[db [schema]]", 0, 2, tool_needs_conversion},
    {"query", "[db] transaction", 1, 2, tool_query},
    {"recover", "db new", 2, 2, tool_recover},
    {"schema-cksum", "[schema]", 0, 1, tool_schema_cksum},
    {"schema-name", "[schema]", 0, 1, tool_schema_name},
    {"schema-version", "[schema]", 0, 1, tool_schema_version},
    {"show-log", "[db]", 0, 1, tool_show_log},
    {"transact", "[db] transaction", 1, 2, tool_transact},
};

static void tool_list_commands(const struct tool_context *context, int argc, char **argv)
{
    puts("The available commands are:");
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        printf("  %-23s %s\n", verbs[i].name, verbs[i].usage);
    }
}

static void tool_help(const struct tool_context *context, int argc, char **argv)
{
    printf(
        "%s: works on OVSDB database files\n"
        "usage: %s [OPTIONS] COMMAND [ARG...]\n"
        "\n"
        "Commands:\n"
        "  create [DB [SCHEMA]]           make the empty database DB\n"
        "  compact [DB [TARGET]]          write DB without its history (to TARGET)\n"
        "  convert [DB [SCHEMA [TARGET]]] move the contents to SCHEMA (to TARGET)\n"
        "  needs-conversion [DB [SCHEMA]] whether DB's schema differs from SCHEMA\n"
        "  db-name [DB]                   name of DB's schema\n"
        "  db-version [DB]                version of DB's schema\n"
        "  db-cksum [DB]                  checksum of DB's schema\n"
        "  db-is-standalone DB            exit status 0 if DB is a standalone database\n"
        "  db-is-clustered DB             exit status 0 if DB is a clustered database\n"
        "  [--election-timer=MS] create-cluster DB CONTENTS LOCAL\n"
        "                                 make the clustered database DB, of a cluster with the\n"
        "                                 address LOCAL; CONTENTS is a schema or a database\n"
        "  [--cid=UUID] join-cluster DB NAME LOCAL REMOTE...\n"
        "                                 make DB for a server that joins a cluster\n"
        "  db-cid DB                      cluster ID of DB\n"
        "  db-sid DB                      server ID of DB\n"
        "  db-local-address DB            address of DB's server in the cluster\n"
        "  check-cluster DB...            check and compare the files of a cluster's members\n"
        "  cluster-to-standalone DB CLUSTERDB\n"
        "                                 write the contents of CLUSTERDB to the new file DB\n"
        "  schema-name [SCHEMA]           name of SCHEMA\n"
        "  schema-version [SCHEMA]        version of SCHEMA\n"
        "  schema-cksum [SCHEMA]          checksum of SCHEMA\n"
        "  compare-versions A OP B        exit status 0 if A OP B, 2 if not; OP is one of\n"
        "                                 < <= == >= > !=\n"
        "  query [DB] TRANSACTION         run TRANSACTION without keeping its changes\n"
        "  transact [DB] TRANSACTION      run TRANSACTION\n"
        "  [-m]... show-log [DB]          show the records of DB\n"
        "  check [DB]                     check DB for damage; exit status 2 if it is damaged\n"
        "  [--skip-damaged] recover DB NEW  write the undamaged records of DB to the new file NEW\n"
        "  list-commands                  names and arguments of the commands\n"
        "  help                           this text\n"
        "\n"
        "The default DB is %s.\n"
        "The default SCHEMA is %s.\n",
        tool_name(), tool_name(), context->default_db, context->default_schema);
    service_log_options_help(tool_name());
    printf(
        "\nOther options:\n"
        "  -m, --more                     show-log also shows rows; twice: their columns too\n"
        "  --election-timer=MS            election timer of create-cluster, 100 to 600000\n"
        "  --cid=UUID                     join-cluster joins this cluster only\n"
        "  --skip-damaged                 recover keeps whole records after damage too\n"
        "  --no-progress                  show no progress on a terminal\n"
        "  --rbac-role=ROLE               run query and transact with this RBAC role\n"
        "  --rbac-id=ID                   and with this client id\n"
        "  -h, --help                     this text\n"
        "  -o, --option                   the options, for programs\n"
        "  -V, --version                  the version\n");
}

static void handle_option(struct tool_context *context, struct service_options *service, int c)
{
    switch (c) {
    case 'm':
        context->more++;
        break;
    case OPTION_RBAC_ROLE:
        context->rbac_role = optarg[0] ? optarg : NULL;
        break;
    case OPTION_SKIP_DAMAGED:
        context->skip_damaged = true;
        break;
    case OPTION_ELECTION_TIMER:
        context->election_timer = optarg;
        break;
    case OPTION_CID:
        context->cid = optarg;
        break;
    case OPTION_NO_PROGRESS:
        progress_bar_disable();
        break;
    case OPTION_RBAC_ID:
        context->rbac_id = optarg;
        break;
    case 'h':
        tool_help(context, 0, NULL);
        exit(EXIT_SUCCESS);
    default:
        tool_handle_option(service, c, long_options);
    }
}

static const struct tool_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        if (!strcmp(verbs[i].name, name)) {
            return &verbs[i];
        }
    }
    tool_fail("unknown command '%s'; use --help for help", name);
}

static void run_verb(const struct tool_context *context, const struct tool_verb *verb, int argc,
                     char **argv)
{
    if (argc < verb->min_args) {
        tool_fail("'%s' command requires at least %d arguments", verb->name, verb->min_args);
    }
    if (verb->max_args >= 0 && argc > verb->max_args) {
        tool_fail("'%s' command takes at most %d arguments", verb->name, verb->max_args);
    }
    verb->run(context, argc, argv);
}

int main(int argc, char **argv)
{
    _cleanup_free_ char *default_db = dirs_path(dirs_db(), "conf.db");
    _cleanup_free_ char *default_schema = dirs_path(dirs_pkgdata(), "vswitch.ovsschema");
    _cleanup_free_ char *short_options = tool_short_options(long_options);
    struct tool_context context = {.default_db = default_db, .default_schema = default_schema};
    struct service_options service = {0};
    int c;

    tool_init(argv);
    while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
        handle_option(&context, &service, c);
    }
    tool_set_default_timeout();
    if (optind >= argc) {
        tool_fail("missing command name; use --help for help");
    }
    if (context.rbac_id && !context.rbac_role) {
        tool_fail("--rbac-id needs --rbac-role");
    }
    tool_apply_options(&service);
    run_verb(&context, find_verb(argv[optind]), argc - optind - 1, argv + optind + 1);
    service_options_done(&service);
    tool_finish();
    return EXIT_SUCCESS;
}
