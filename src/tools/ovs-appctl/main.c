// SPDX-License-Identifier: Apache-2.0
// ovs-appctl: sends one command to the control socket of a running daemon.
#include "basic/alloc.h"
#include "basic/str.h"
#include "service/options.h"
#include "tools/client.h"
#include "tools/control_target.h"
#include "tools/tool.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_TARGET    "ovs-vswitchd"
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
        "  -f, --format=FORMAT   text, or json for scripts\n"
        "      --pretty          with --format=json, indent the JSON\n"
        "  -e, --execute         no effect; for old scripts\n"
        "  -o, --option          print the options, for completion in a shell\n"
        "  -h, --help            this text\n"
        "  -V, --version         the version\n"
        "\n"
        "Commands of every daemon:\n"
        "  list-commands         all of its commands\n"
        "  version               its version\n"
        "  vlog/list             its log levels\n"
        "  vlog/list-pattern     the formats of its log lines\n"
        "  vlog/set [SPEC]       set log levels\n"
        "  vlog/reopen           open its log file again\n",
        tool_name(), tool_name());
    tls_options_help(tool_name());
    service_log_options_help(tool_name());
}

static bool ends_line(const char *text)
{
    size_t size = strlen(text);

    return !size || text[size - 1] == '\n';
}

static int run_command(const struct appctl_options *options, char **argv, int argc)
{
    _cleanup_free_ char *text = NULL;
    int r =
        control_target_call(options->target, &options->tls, options->as_json, argc, argv, &text);

    if (r < 0) {
        tool_fail("%s", text);
    }
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
        tool_print_line(slice_of(text)); // some daemons leave out the last line feed
    }
    return EXIT_SUCCESS;
}

static void handle_option(struct appctl_options *options, int c)
{
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
    case 'h':
        print_help();
        exit(EXIT_SUCCESS);
    default:
        if (!client_handle_tls_option(&options->tls, c)) {
            tool_handle_option(&options->service, c, long_options);
        }
    }
}

int main(int argc, char **argv)
{
    // The "+": options end at the command, whose arguments may look like options.
    _cleanup_free_ char *letters = tool_short_options(long_options);
    _cleanup_free_ char *short_options = xasprintf("+%s", letters);
    struct appctl_options options = {.target = DEFAULT_TARGET};
    int c;

    tool_init(argv);
    while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
        handle_option(&options, c);
    }
    tool_set_default_timeout();
    if (optind >= argc) {
        tool_fail("at least one non-option argument is required (use --help for help)");
    }
    tool_apply_options(&options.service);
    service_options_done(&options.service);
    c = run_command(&options, argv + optind, argc - optind);
    tls_options_done(&options.tls);
    return c;
}
