// SPDX-License-Identifier: Apache-2.0
// The option groups that ovsdb-server and ovsdb-client share: daemon, logging, control socket. A
// program puts SERVICE_LONG_OPTIONS into its getopt_long() table and "v::" into its short options,
// passes every option that is not its own to service_options_handle(), and then calls
// service_options_apply().
#pragma once

#include "service/daemonize.h"

#include <getopt.h>
#include <stddef.h>

enum service_option {
    SERVICE_OPTION_DETACH = 0x2000,
    SERVICE_OPTION_MONITOR,
    SERVICE_OPTION_NO_CHDIR,
    SERVICE_OPTION_PIDFILE,
    SERVICE_OPTION_OVERWRITE_PIDFILE,
    SERVICE_OPTION_NO_SELF_CONFINEMENT,
    SERVICE_OPTION_ALLOW_PATH,
    SERVICE_OPTION_USER,
    SERVICE_OPTION_LOG_FILE,
    SERVICE_OPTION_SYSLOG_METHOD,
    SERVICE_OPTION_SYSLOG_TARGET,
    SERVICE_OPTION_UNIXCTL,
};

// clang-format off
// The logging group alone, for tools.
#define SERVICE_LOG_LONG_OPTIONS                                                                   \
    {"verbose", optional_argument, NULL, 'v'},                                                     \
    {"log-file", optional_argument, NULL, SERVICE_OPTION_LOG_FILE},                                \
    {"syslog-method", required_argument, NULL, SERVICE_OPTION_SYSLOG_METHOD},                      \
    {"syslog-target", required_argument, NULL, SERVICE_OPTION_SYSLOG_TARGET}
#define SERVICE_LONG_OPTIONS                                                                       \
    {"detach", no_argument, NULL, SERVICE_OPTION_DETACH},                                          \
    {"monitor", no_argument, NULL, SERVICE_OPTION_MONITOR},                                        \
    {"no-chdir", no_argument, NULL, SERVICE_OPTION_NO_CHDIR},                                      \
    {"pidfile", optional_argument, NULL, SERVICE_OPTION_PIDFILE},                                  \
    {"overwrite-pidfile", no_argument, NULL, SERVICE_OPTION_OVERWRITE_PIDFILE},                    \
    {"no-self-confinement", no_argument, NULL, SERVICE_OPTION_NO_SELF_CONFINEMENT},                \
    {"allow-path", required_argument, NULL, SERVICE_OPTION_ALLOW_PATH},                            \
    {"user", required_argument, NULL, SERVICE_OPTION_USER},                                        \
    SERVICE_LOG_LONG_OPTIONS,                                                                      \
    {"unixctl", required_argument, NULL, SERVICE_OPTION_UNIXCTL}
// clang-format on

// A zeroed struct has the defaults.
struct service_options {
    struct daemonize_options daemonize;
    bool log_to_file;
    char *log_file; // NULL: the default name
    char *unixctl;  // the argument of --unixctl, or NULL
    bool no_self_confinement;
    char **allowed_paths; // --allow-path, absolute, with ":ro" where it was given
    size_t n_allowed_paths;
    char *user; // the argument of --user, or NULL
};

void service_options_done(struct service_options *options);
// Handles the option `c` of getopt_long() with its argument. Returns false if it is not an option
// of these groups. Stores NULL in *ret_failure, or why the argument is refused. -v and the syslog
// options take effect at once.
bool service_options_handle(struct service_options *options, int c, const char *argument,
                            struct failure **ret_failure);
// Opens the log file, if --log-file was given; with --user gives the file to that user, and then
// continues as that user. A log file that cannot be opened is only a warning. Before
// daemonize_start().
struct failure *service_options_apply(const struct service_options *options);
// Returns the path of the control socket (caller frees): that of --unixctl, relative to RUNDIR, or
// RUNDIR/PROGRAM.PID.ctl. NULL: --unixctl=none. The pid is that of the calling process.
char *service_options_control_path(const struct service_options *options, const char *program);
// Allows the files of these options (confine_allow()).
void service_options_confine(const struct service_options *options, const char *program);
// Prints a line for each long and each short option of a getopt_long() table, as --option of the
// Open vSwitch tools does: "--target=ARG", "-t ARG", "--verbose=[ARG]", "-v [ARG]".
void service_options_list(const struct option *options);
// Print the help text of the logging group only, or of all groups, to standard output.
void service_log_options_help(const char *program);
void service_options_help(const char *program);
