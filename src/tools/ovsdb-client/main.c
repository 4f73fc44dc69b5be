// SPDX-License-Identifier: Apache-2.0
// ovsdb-client: options, the choice of server and database, and the table of verbs.
//
//     ovsdb-client [OPTIONS] VERB [SERVER] [DATABASE] [ARG...]
//
// SERVER and DATABASE have defaults. An argument is SERVER if it has a colon, and DATABASE if the
// server has a database of this name.
#include "basic/dirs.h"
#include "basic/str.h"
#include "tools/ovsdb-client/background.h"
#include "tools/progress_bar.h"
#include "tools/tool.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>

enum {
    OPTION_BARE = 256,
    OPTION_NO_HEADINGS,
    OPTION_PRETTY,
    OPTION_TIMESTAMP,
    OPTION_MAX_COLUMN_WIDTH,
    OPTION_CHANGE_AWARE,
    OPTION_NO_CHANGE_AWARE,
    OPTION_FORCE,
    OPTION_LEADER_ONLY,
    OPTION_NO_LEADER_ONLY,
    OPTION_NO_PROGRESS,
};

static const struct option long_options[] = {
    {"format", required_argument, NULL, 'f'},
    {"data", required_argument, NULL, 'd'},
    {"no-headings", no_argument, NULL, OPTION_NO_HEADINGS},
    {"pretty", no_argument, NULL, OPTION_PRETTY},
    {"bare", no_argument, NULL, OPTION_BARE},
    {"max-column-width", required_argument, NULL, OPTION_MAX_COLUMN_WIDTH},
    {"timestamp", no_argument, NULL, OPTION_TIMESTAMP},
    {"db-change-aware", no_argument, NULL, OPTION_CHANGE_AWARE},
    {"no-db-change-aware", no_argument, NULL, OPTION_NO_CHANGE_AWARE},
    {"force", no_argument, NULL, OPTION_FORCE},
    {"leader-only", no_argument, NULL, OPTION_LEADER_ONLY},
    {"no-leader-only", no_argument, NULL, OPTION_NO_LEADER_ONLY},
    {"no-progress", no_argument, NULL, OPTION_NO_PROGRESS},
    {"timeout", required_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},
    {"option", no_argument, NULL, 'o'},
    {"version", no_argument, NULL, 'V'},
    SERVICE_LONG_OPTIONS,
    TLS_LONG_OPTIONS,
    {NULL},
};

#define CONDITIONS "CONDITIONS TABLE [COLUMN,...]..."

static const struct client_verb verbs[] = {
    {"backup", NEEDS_DATABASE, 0, 0, "", client_backup, NULL, false},
    {"convert", NEEDS_CONNECTION, 1, 1, "SCHEMA", client_convert, client_database_of_schema, false},
    {"dump", NEEDS_DATABASE, 0, -1, "[TABLE [COLUMN...]]", client_dump, NULL, false},
    {"get-schema", NEEDS_DATABASE, 0, 0, "", client_get_schema, NULL, false},
    {"get-schema-cksum", NEEDS_DATABASE, 0, 0, "", client_get_schema_cksum, NULL, false},
    {"get-schema-version", NEEDS_DATABASE, 0, 0, "", client_get_schema_version, NULL, false},
    {"list-columns", NEEDS_DATABASE, 0, 1, "[TABLE]", client_list_columns, NULL, false},
    {"list-dbs", NEEDS_CONNECTION, 0, 0, "", client_list_dbs, NULL, false},
    {"list-tables", NEEDS_DATABASE, 0, 0, "", client_list_tables, NULL, false},
    {"lock", NEEDS_CONNECTION, 1, 1, "LOCK", client_lock, NULL, true},
    {"monitor", NEEDS_DATABASE, 1, -1, "TABLE [COLUMN,...]...", client_monitor, NULL, true},
    {"monitor-cond", NEEDS_DATABASE, 2, -1, CONDITIONS, client_monitor_cond, NULL, true},
    {"monitor-cond-since", NEEDS_DATABASE, 2, -1, CONDITIONS, client_monitor_cond_since, NULL,
     true},
    {"needs-conversion", NEEDS_CONNECTION, 1, 1, "SCHEMA", client_needs_conversion,
     client_database_of_schema, false},
    {"query", NEEDS_CONNECTION, 1, 1, "TRANSACTION", client_query, client_database_of_transaction,
     false},
    {"restore", NEEDS_DATABASE, 0, 0, "", client_restore, NULL, false},
    {"steal", NEEDS_CONNECTION, 1, 1, "LOCK", client_steal, NULL, true},
    {"transact", NEEDS_CONNECTION, 1, 1, "TRANSACTION", client_transact,
     client_database_of_transaction, false},
    {"unlock", NEEDS_CONNECTION, 1, 1, "LOCK", client_unlock, NULL, true},
    {"wait", NEEDS_NOTHING, 2, 2, "DATABASE STATE", client_wait, NULL, true},
};

void client_print_table(struct client_context *context, struct table_formatter *table)
{
    _cleanup_buf_ struct buf text = {0};

    table_formatter_put(&text, table, &context->style, !context->printed);
    context->printed = true;
    tool_print(buf_slice(&text));
    table_formatter_done(table);
}

void client_announce_change_aware(struct client_context *context, struct client *client)
{
    _cleanup_buf_ struct buf reply = {0};

    if (!context->not_change_aware) {
        client_call(client, "set_db_change_aware", SLICE("[true]"), &reply);
    }
}

static void print_help(void)
{
    printf(
        "%s: client of an OVSDB server\n"
        "usage: %s [OPTIONS] COMMAND [SERVER] [DATABASE] [ARG...]\n"
        "\n"
        "Commands:\n"
        "  list-dbs [SERVER]                 names of the databases\n"
        "  get-schema [SERVER] [DATABASE]    the schema as JSON\n"
        "  get-schema-version [SERVER] [DATABASE]\n"
        "                                    the schema's version\n"
        "  get-schema-cksum [SERVER] [DATABASE]\n"
        "                                    the schema's checksum\n"
        "  list-tables [SERVER] [DATABASE]   names of the tables\n"
        "  list-columns [SERVER] [DATABASE] [TABLE]\n"
        "                                    columns of one table or of all, with their types\n"
        "  transact [SERVER] TRANSACTION     run TRANSACTION, the params of \"transact\"\n"
        "  query [SERVER] TRANSACTION        the same without keeping the changes\n"
        "  dump [SERVER] [DATABASE] [TABLE [COLUMN...]]\n"
        "                                    the contents\n"
        "  backup [SERVER] [DATABASE] > FILE the contents as a database file\n"
        "  [--force] restore [SERVER] [DATABASE] < FILE\n"
        "                                    replace the contents by those of a database file;\n"
        "                                    with --force even if the schemas differ\n"
        "  monitor [SERVER] [DATABASE] TABLE [COLUMN,...]...\n"
        "                                    the contents and all later changes; !initial,\n"
        "                                    !insert, !delete, !modify among the columns leave\n"
        "                                    out these kinds of changes\n"
        "  monitor [SERVER] [DATABASE] ALL   the same for everything\n"
        "  monitor-cond [SERVER] [DATABASE] CONDITIONS TABLE [COLUMN,...]...\n"
        "                                    the same for rows that match one of CONDITIONS\n"
        "  monitor-cond-since [SERVER] [DATABASE] [LAST-ID] CONDITIONS TABLE [COLUMN,...]...\n"
        "                                    the same from the transaction LAST-ID on\n"
        "  wait [SERVER] DATABASE STATE      wait until DATABASE is added, connected or removed\n"
        "  needs-conversion [SERVER] SCHEMA  whether the database differs from SCHEMA\n"
        "  convert [SERVER] SCHEMA           convert the database to SCHEMA\n"
        "  lock [SERVER] LOCK                request LOCK and show when it is granted or lost\n"
        "  steal [SERVER] LOCK               take LOCK from its owner\n"
        "  unlock [SERVER] LOCK              release LOCK\n"
        "  list-commands                     the names of the commands\n"
        "  help                              this text\n"
        "\n"
        "SERVER is unix:FILE, tcp:HOST[:PORT] or ssl:HOST[:PORT], or punix:FILE, ptcp:[PORT][:IP]\n"
        "or pssl:[PORT][:IP] to wait for a connection from the server. Default: unix:%s/db.sock.\n"
        "Of several, with commas between them, the first one is used that has the database, is\n"
        "connected and is the leader; cid:UUID among them names the required cluster.\n"
        "DATABASE is Open_vSwitch by default, or the only one that the server has.\n"
        "\n"
        "Output options:\n"
        "  -f, --format=FORMAT         table, list, html, csv or json\n"
        "  -d, --data=FORMAT           of cells: string, bare or json\n"
        "  --no-headings               leave out the headings\n"
        "  --pretty                    indent JSON\n"
        "  --bare                      the same as --format=list --data=bare --no-headings\n"
        "  --max-column-width=N        cut wider cells off (format table)\n"
        "  --timestamp                 \"monitor\" shows the time of each update\n"
        "\n",
        tool_name(), tool_name(), dirs_run());
    tls_options_help(tool_name());
    service_options_help(tool_name());
    printf(
        "\n"
        "Other options:\n"
        "  --no-db-change-aware        let the server disconnect when a database is added,\n"
        "                              removed or converted\n"
        "  --db-change-aware           stay connected when that happens (default)\n"
        "  --no-leader-only            of several servers, accept one that is not the leader\n"
        "  --leader-only               accept the leader only (default); also with one server\n"
        "  --no-progress               \"backup\", \"restore\", \"convert\": no progress bar\n"
        "  -t, --timeout=SECS          give up after SECS seconds\n"
        "  -h, --help                  this text\n"
        "  -o, --option                the options, for programs\n"
        "  -V, --version               the version\n");
}

static void set_max_column_width(struct client_context *context, const char *text)
{
    uint64_t width;

    if (!str_parse_number(text, INT_MAX, &width)) {
        tool_fail("value %s on --max-column-width is invalid: a number from 0 to %d is expected",
                  text, INT_MAX);
    }
    context->style.max_column_width = (size_t)width;
}

static void handle_option(struct client_context *context, int c)
{
    switch (c) {
    case 'f':
        if (!table_format_parse(optarg, &context->style.format)) {
            tool_fail("unknown output format \"%s\"", optarg);
        }
        break;
    case 'd':
        if (!table_data_parse(optarg, &context->style.data)) {
            tool_fail("unknown data format \"%s\"", optarg);
        }
        break;
    case OPTION_NO_HEADINGS:
        context->style.no_headings = true;
        break;
    case OPTION_PRETTY:
        context->style.pretty = true;
        break;
    case OPTION_BARE:
        context->style.format = TABLE_FORMAT_LIST;
        context->style.data = TABLE_DATA_BARE;
        context->style.no_headings = true;
        break;
    case OPTION_MAX_COLUMN_WIDTH:
        set_max_column_width(context, optarg);
        break;
    case OPTION_TIMESTAMP:
        context->timestamp = true;
        break;
    case OPTION_CHANGE_AWARE:
        context->not_change_aware = false;
        break;
    case OPTION_NO_CHANGE_AWARE:
        context->not_change_aware = true;
        break;
    case OPTION_LEADER_ONLY:
        context->leader_only = context->leader_only_given = true;
        break;
    case OPTION_NO_LEADER_ONLY:
        context->leader_only = context->leader_only_given = false;
        break;
    case OPTION_FORCE:
        context->force = true;
        break;
    case OPTION_NO_PROGRESS:
        progress_bar_disable();
        break;
    case 't':
        tool_set_timeout(optarg, "-t or --timeout");
        break;
    case 'h':
        print_help();
        exit(EXIT_SUCCESS);
    default:
        if (!client_handle_tls_option(&context->tls, c)) {
            tool_handle_option(&context->service, c, long_options);
        }
    }
}

static void list_commands(void)
{
    puts("The available commands are:");
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        printf("  %s\n", verbs[i].name);
    }
    puts("  help\n  list-commands");
}

static const struct client_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        if (!strcmp(verbs[i].name, name)) {
            return &verbs[i];
        }
    }
    if (!strcmp(name, "help")) {
        print_help();
        exit(EXIT_SUCCESS);
    }
    if (!strcmp(name, "list-commands")) {
        list_commands();
        exit(EXIT_SUCCESS);
    }
    tool_fail("unknown command '%s'; use --help for help", name);
}

// Whether an argument is SERVER. `is_spare`: there are enough arguments without it; otherwise it
// must be a valid server, because it may be an argument of the verb that contains a colon.
static bool is_server(const char *argument, bool is_spare)
{
    return isalpha((unsigned char)argument[0]) && strchr(argument, ':') &&
           (is_spare || client_servers_are_valid(argument));
}

static const char *usage_database(const struct client_verb *verb)
{
    return verb->needs == NEEDS_DATABASE ? " [DATABASE]" : "";
}

// Ends the program with the name of the first argument that is missing or unexpected, if any.
// `may_have_database`: the database may be among the arguments.
static void check_arguments(const struct client_verb *verb, int argc, char **argv,
                            bool may_have_database)
{
    int max = verb->max_args + (may_have_database ? 1 : 0);

    if (argc < verb->min_args) {
        const char *word = verb->usage;

        for (int i = 0; i < argc; i++) {
            word = strchr(word, ' ') + 1;
        }
        tool_fail("'%s': the argument %.*s is missing (usage: %s %s [SERVER]%s %s)", verb->name,
                  (int)strcspn(word, " "), word, tool_name(), verb->name, usage_database(verb),
                  verb->usage);
    }
    if (verb->max_args >= 0 && argc > max) {
        tool_fail("'%s': unexpected argument \"%s\" (usage: %s %s [SERVER]%s%s%s)", verb->name,
                  argv[max], tool_name(), verb->name, usage_database(verb),
                  verb->usage[0] ? " " : "", verb->usage);
    }
}

// Connects to the chosen server. Returns true if the first argument is the database.
static bool connect_client(struct client_context *context, const struct client_verb *verb, int argc,
                           char **argv)
{
    const char *argument = argc > verb->min_args ? argv[0] : NULL;
    bool may_be_other = verb->max_args < 0 || argc <= verb->max_args;

    context->client = client_open(context->server, &context->tls, CLIENT_NO_RETRY);
    if (!verb->stays) {
        client_background_begin(context, NULL);
        client_background_end_on_stop(context);
    }
    return client_choose(context, verb, argument, may_be_other);
}

static void run_verb(struct client_context *context, const struct client_verb *verb, int argc,
                     char **argv)
{
    _cleanup_free_ char *default_server = xasprintf("unix:%s/db.sock", dirs_run());

    context->server = default_server;
    if (argc > 0 && is_server(argv[0], argc > verb->min_args)) {
        context->server = argv[0];
        argc--;
        argv++;
    }
    check_arguments(verb, argc, argv, verb->needs == NEEDS_DATABASE);
    context->database = verb->database_of ? verb->database_of(argv) : NULL;
    client_background_fork(context);
    if (verb->needs != NEEDS_NOTHING && connect_client(context, verb, argc, argv)) {
        argc--;
        argv++;
        check_arguments(verb, argc, argv, false);
    }
    verb->run(context, argc, argv);
    client_background_ready(context);
    client_background_end(context);
}

int main(int argc, char **argv)
{
    _cleanup_free_ char *short_options = tool_short_options(long_options);
    struct client_context context = {.leader_only = true};
    int c;

    tool_init(argv);
    while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
        handle_option(&context, c);
    }
    tool_set_default_timeout();
    if (optind >= argc) {
        tool_fail("missing command name; use --help for help");
    }
    tool_apply_options(&context.service);
    run_verb(&context, find_verb(argv[optind]), argc - optind - 1, argv + optind + 1);
    free(context.database);
    client_strings_free(&context.databases);
    service_options_done(&context.service);
    tls_options_done(&context.tls);
    tool_finish();
    client_background_die();
    return EXIT_SUCCESS;
}
