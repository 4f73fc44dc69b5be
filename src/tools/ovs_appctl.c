// SPDX-License-Identifier: Apache-2.0
// ovs-appctl: one command to the control socket of a running daemon.
//
//     -t /FILE   the control socket itself
//     -t NAME    RUNDIR/NAME.pid says which process, RUNDIR/NAME.PID.ctl is its socket; or
//                RUNDIR/NAME.ctl is
//     -t REMOTE  ssl:HOST:PORT, tcp:HOST:PORT or unix:FILE, where something passes it on
#include "basic/dirs.h"
#include "control/control.h"
#include "net/net.h"
#include "net/tls_options.h"
#include "service/options.h"
#include "service/pidfile.h"
#include "tools/client.h"
#include "tools/tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_TARGET    "ovs-vswitchd"
#define INSTANCES_RUNDIR  "/run/ovsdb" // of units/ovsdb-server@.service
#define OVN_RUNDIR        "/run/ovn"
#define EXIT_SERVER_ERROR 2

enum { OPTION_PRETTY = 0x1000 };

struct appctl_options {
    const char *target;
    bool as_json, pretty;
    struct service_options service;
    struct tls_options tls;
};

static const struct option long_options[] = {
    {"target", required_argument, NULL, 't'},
    {"execute", no_argument, NULL, 'e'},
    {"format", required_argument, NULL, 'f'},
    {"pretty", no_argument, NULL, OPTION_PRETTY},
    {"timeout", required_argument, NULL, 'T'},
    {"help", no_argument, NULL, 'h'},
    {"option", no_argument, NULL, 'o'},
    {"version", no_argument, NULL, 'V'},
    SERVICE_LOG_LONG_OPTIONS,
    TLS_LONG_OPTIONS,
    {NULL},
};

static void print_help(void)
{
    printf(
        "%s: sends a command to a running daemon\n"
        "usage: %s [OPTIONS] COMMAND [ARG...]\n"
        "\n"
        "  -t, --target=TARGET   a daemon's name, or a control socket that begins with /, or a\n"
        "                        remote that leads to one: ssl:HOST:PORT, tcp:HOST:PORT, "
        "unix:FILE\n"
        "                        (default: " DEFAULT_TARGET
        ")\n"
        "  -T, --timeout=SECS    give up after SECS seconds\n"
        "  -f, --format=FORMAT   text, or json: what scripts understand\n"
        "      --pretty          with --format=json, print it in many lines\n"
        "  -e, --execute         for old scripts: a command follows, as without it\n"
        "  -o, --option          print the options, for completion in a shell\n"
        "  -h, --help            this text\n"
        "  -V, --version         the version\n"
        "\n"
        "Commands of every daemon:\n"
        "  list-commands         all of its commands\n"
        "  version               its version\n"
        "  vlog/list             its log levels\n"
        "  vlog/list-pattern     how its log lines look\n"
        "  vlog/set [SPEC]       set log levels\n"
        "  vlog/reopen           open its log file again\n",
        tool_name(), tool_name());
    tls_options_help(tool_name());
    service_log_options_help(tool_name());
}

// The control socket of the daemon NAME in `dir`: NAME.PID.ctl by its pid file, or NAME.ctl, as the
// instances of the service have it. 0, or negative errno of reading the pid file.
static int find_in(const char *dir, const char *name, char **ret)
{
    _cleanup_free_ char *pidfile = xasprintf("%s/%s.pid", dir, name);
    char *socket;
    pid_t pid;
    int r = pidfile_read(pidfile, &pid);

    if (!r) {
        socket = xasprintf("%s/%s.%ld.ctl", dir, name, (long)pid);
        if (!access(socket, F_OK)) {
            *ret = socket;
            return 0;
        }
        free(socket);
        r = -ENOENT;
    }
    socket = xasprintf("%s/%s.ctl", dir, name);
    if (!access(socket, F_OK)) {
        *ret = socket;
        return 0;
    }
    free(socket);
    return r;
}

// The control socket of `target`. Caller frees. The other run directories count only where nobody
// has chosen one.
static char *find_socket(const char *target)
{
    static const char *const others[] = {INSTANCES_RUNDIR, OVN_RUNDIR};
    const char *chosen = getenv("OVS_RUNDIR");
    char *socket = NULL;
    int r;

    if (target[0] == '/') {
        return xstrdup(target);
    }
    r = find_in(dirs_run(), target, &socket);
    for (size_t i = 0; r < 0 && !(chosen && *chosen) && i < ARRAY_SIZE(others); i++) {
        int r2 = find_in(others[i], target, &socket);

        r = r2 == -ENOENT ? r : r2;
    }
    if (r < 0) {
        tool_fail_errno(-r, "cannot find the daemon by its pidfile \"%s/%s.pid\"", dirs_run(),
                        target);
    }
    return socket;
}

// Like control_call(), through a remote; ends the program if that cannot be reached.
static int call_remote(const struct appctl_options *options, char **argv, int argc, char **ret_text)
{
    struct client *client = client_open(options->target, &options->tls, CLIENT_NO_RETRY);
    _cleanup_buf_ struct buf params = {0};
    _cleanup_buf_ struct buf answer = {0};
    enum client_result result;

    client_stay(client);
    control_put_params(&params, argc - 1, argv + 1);
    result = client_call(client, argv[0], buf_slice(&params), &answer);
    client_close(client);
    *ret_text = control_text_of(buf_slice(&answer), options->as_json && result == CLIENT_RESULT);
    return result == CLIENT_ERROR;
}

static int call_local(const struct appctl_options *options, char **argv, int argc, char **ret_text)
{
    _cleanup_free_ char *path = find_socket(options->target);
    int r = control_call(path, options->as_json, argv[0], argc - 1, argv + 1, ret_text);

    if (r < 0) {
        tool_fail_errno(-r, "cannot connect to \"%s\"", path);
    }
    return r;
}

static bool ends_line(const char *text)
{
    size_t size = strlen(text);

    return !size || text[size - 1] == '\n';
}

static int run(const struct appctl_options *options, char **argv, int argc)
{
    _cleanup_free_ char *text = NULL;
    int r = remote_target_dials(options->target) ? call_remote(options, argv, argc, &text)
                                                 : call_local(options, argv, argc, &text);

    if (r > 0) {
        fputs(text, stderr);
        fputs(ends_line(text) ? "" : "\n", stderr);
        fprintf(stderr, "%s: %s: server returned an error\n", tool_name(), options->target);
        return EXIT_SERVER_ERROR;
    }
    if (options->as_json) {
        tool_print_json(slice_of(text), options->pretty);
    } else if (ends_line(text)) {
        tool_print(slice_of(text));
    } else {
        tool_print_line(slice_of(text)); // of a daemon that leaves it out
    }
    return EXIT_SUCCESS;
}

static void handle_option(struct appctl_options *options, int c)
{
    _cleanup_free_ char *error = NULL;

    switch (c) {
    case 't':
        options->target = optarg;
        break;
    case 'f':
        options->as_json = !strcmp(optarg, "json");
        if (!options->as_json && strcmp(optarg, "text")) {
            tool_fail("value %s on -f or --format is invalid", optarg);
        }
        break;
    case OPTION_PRETTY:
        options->pretty = true;
        break;
    case 'T':
        tool_set_timeout(optarg, "-T or --timeout");
        break;
    case 'e':
        break;
    case 'o':
        tool_print_options(long_options);
        exit(EXIT_SUCCESS);
    case 'h':
        print_help();
        exit(EXIT_SUCCESS);
    case 'V':
        tool_print_version();
        exit(EXIT_SUCCESS);
    default:
        if (tls_options_handle(&options->tls, c, optarg, &error) <= 0 &&
            (error || service_options_handle(&options->service, c, optarg, &error) <= 0)) {
            if (error) {
                tool_fail("%s", error);
            }
            exit(EXIT_FAILURE); // getopt_long() has said why
        }
    }
}

int main(int argc, char **argv)
{
    // The "+": options end at the command, whose arguments may look like options.
    _cleanup_free_ char *letters = tool_short_options(long_options);
    _cleanup_free_ char *short_options = xasprintf("+%s", letters);
    struct appctl_options options = {.target = DEFAULT_TARGET};
    _cleanup_free_ char *error = NULL;
    int c;

    tool_init(argv);
    while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
        handle_option(&options, c);
    }
    tool_set_default_timeout();
    if (optind >= argc) {
        tool_fail("at least one non-option argument is required (use --help for help)");
    }
    if (service_options_apply(&options.service, &error) < 0) {
        tool_fail("%s", error);
    }
    service_options_done(&options.service);
    c = run(&options, argv + optind, argc - optind);
    tls_options_done(&options.tls);
    return c;
}
