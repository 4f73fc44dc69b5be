// SPDX-License-Identifier: Apache-2.0
#include "daemon/options.h"

#include "basic/alloc.h"
#include "basic/dirs.h"
#include "config.h"

#include <errno.h>
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
    OPTION_ACTIVE,
    OPTION_MAX_BACKLOG
};

static const struct option long_options[] = {
    {"remote", required_argument, NULL, OPTION_REMOTE},
    {"run", required_argument, NULL, OPTION_RUN},
    {"no-dbs", no_argument, NULL, OPTION_NO_DBS},
    {"sync-from", required_argument, NULL, OPTION_SYNC_FROM},
    {"sync-exclude-tables", required_argument, NULL, OPTION_SYNC_EXCLUDE},
    {"active", no_argument, NULL, OPTION_ACTIVE},
    {"max-backlog", required_argument, NULL, OPTION_MAX_BACKLOG},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    SERVICE_LONG_OPTIONS,
    TLS_LONG_OPTIONS,
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
        "  Sockets passed by the service manager are listened on as well.\n",
        dirs_db());
    printf(
        "\nBeing a backup:\n"
        "  --sync-from=SERVER      copy the databases of the active SERVER, and follow them\n"
        "  --sync-exclude-tables=DB:TABLE,...  except these tables\n"
        "  --active                do not begin with that yet\n");
    tls_options_help("ovsdb-server");
    service_options_help("ovsdb-server");
    printf(
        "\nOther options:\n"
        "  --max-backlog=SIZE      disconnect a client that does not read when more is queued for\n"
        "                          it; bytes, or with K, M, G (default 4G)\n"
        "  --no-dbs                serve no database at the start (see ovsdb-server/add-db)\n"
        "  --run=COMMAND           run the shell COMMAND, exit when it ends\n"
        "  -h, --help              print this text\n"
        "  -V, --version           print the version\n");
}

static void append(char ***array, size_t *n, char *text)
{
    *array = xreallocarray(*array, *n + 1, sizeof(**array));
    (*array)[(*n)++] = text;
}

// Bytes, or with a letter KiB, MiB, GiB. False: it is something else.
static bool parse_size(const char *text, size_t *ret)
{
    static const char letters[] = "KMG";
    unsigned long long size;
    const char *letter;
    char *end;
    int shift = 0;

    if (*text < '1' || *text > '9') {
        return false;
    }
    errno = 0;
    size = strtoull(text, &end, 10);
    if (*end && (letter = strchr(letters, *end))) {
        shift = 10 * (int)(letter - letters + 1);
        end++;
    }
    if (errno || *end || size > SIZE_MAX >> shift) {
        return false;
    }
    *ret = (size_t)size << shift;
    return true;
}

// One option. An outcome, 0 to go on parsing, or negative errno.
static int handle(struct server_options *options, int c, bool *no_dbs, char **ret_error)
{
    switch (c) {
    case OPTION_REMOTE:
        append(&options->remotes, &options->n_remotes, xstrdup(optarg));
        return 0;
    case OPTION_RUN:
        free(options->run);
        options->run = xstrdup(optarg);
        return 0;
    case OPTION_MAX_BACKLOG:
        if (!parse_size(optarg, &options->max_backlog)) {
            *ret_error = xasprintf("--max-backlog=%s: a size is expected, as 500M", optarg);
            return -EINVAL;
        }
        return 0;
    case OPTION_NO_DBS:
        *no_dbs = true;
        return 0;
    case OPTION_SYNC_FROM:
        free(options->sync_from);
        options->sync_from = xstrdup(optarg);
        return 0;
    case OPTION_SYNC_EXCLUDE:
        free(options->sync_exclude_tables);
        options->sync_exclude_tables = xstrdup(optarg);
        return 0;
    case OPTION_ACTIVE:
        options->active = true;
        return 0;
    case 'h':
        print_help();
        return OPTIONS_EXIT;
    case 'V':
        printf("ovsdb-server (ovsdbd) %s\n", OVSDBD_VERSION);
        return OPTIONS_EXIT;
    case '?':
        return -EINVAL; // getopt has said what is wrong
    default: {
        int r = tls_options_handle(&options->tls, c, optarg, ret_error);

        if (!r) {
            r = service_options_handle(&options->service, c, optarg, ret_error);
        }
        return r < 0 ? r : 0;
    }
    }
}

int server_options_parse(struct server_options *options, int argc, char **argv, char **ret_error)
{
    bool no_dbs = false;
    int c;

    optind = 0; // a test parses more than once
    while ((c = getopt_long(argc, argv, "hVv::" TLS_SHORT_OPTIONS, long_options, NULL)) != -1) {
        int r = handle(options, c, &no_dbs, ret_error);

        if (r) {
            return r;
        }
    }
    for (int i = optind; i < argc; i++) {
        append(&options->databases, &options->n_databases, xstrdup(argv[i]));
    }
    if (!options->n_databases && !no_dbs) {
        append(&options->databases, &options->n_databases, dirs_path(dirs_db(), "conf.db"));
    }
    return OPTIONS_RUN;
}

static void free_strings(char **strings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(strings[i]);
    }
    free(strings);
}

void server_options_done(struct server_options *options)
{
    service_options_done(&options->service);
    tls_options_done(&options->tls);
    free_strings(options->remotes, options->n_remotes);
    free_strings(options->databases, options->n_databases);
    free(options->run);
    free(options->sync_from);
    free(options->sync_exclude_tables);
}
