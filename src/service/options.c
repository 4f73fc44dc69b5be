// SPDX-License-Identifier: Apache-2.0
#include "service/options.h"

#include "basic/alloc.h"
#include "basic/dirs.h"
#include "basic/log.h"
#include "basic/str.h"
#include "service/confine.h"
#include "service/privileges.h"
#include "service/vlog.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

LOG_MODULE(vlog);

void service_options_done(struct service_options *options)
{
    free(TAKE_PTR(options->daemonize.pidfile));
    free(TAKE_PTR(options->log_file));
    free(TAKE_PTR(options->unixctl));
    free(TAKE_PTR(options->user));
    for (size_t i = 0; i < options->n_allowed_paths; i++) {
        free(options->allowed_paths[i]);
    }
    free(TAKE_PTR(options->allowed_paths));
    options->n_allowed_paths = 0;
}

static void replace_text(char **where, char *value)
{
    free(*where);
    *where = value;
}

static void set_pidfile(struct service_options *options, const char *argument)
{
    _cleanup_free_ char *name =
        argument ? xstrdup(argument) : xasprintf("%s.pid", program_invocation_short_name);

    replace_text(&options->daemonize.pidfile, dirs_path(dirs_run(), name));
}

static struct failure *add_allowed_path(struct service_options *options, const char *argument)
{
    _cleanup_free_ char *folder = getcwd(NULL, 0);

    if (!argument[0] || !strcmp(argument, ":ro")) {
        return failure_new(FAILURE_INVALID, "--allow-path: a folder is expected");
    }
    options->allowed_paths =
        xreallocarray(options->allowed_paths, options->n_allowed_paths + 1, sizeof(char *));
    options->allowed_paths[options->n_allowed_paths++] = dirs_path(folder ? folder : "", argument);
    return NULL;
}

static struct failure *set_verbosity(const char *argument)
{
    argument = str_or_empty(argument);
    return failure_prefix(vlog_set(argument), "processing \"%s\"", argument);
}

bool service_options_handle(struct service_options *options, int c, const char *argument,
                            struct failure **ret_failure)
{
    *ret_failure = NULL;
    switch (c) {
    case SERVICE_OPTION_DETACH:
        options->daemonize.detach = true;
        return true;
    case SERVICE_OPTION_MONITOR:
        options->daemonize.monitor = true;
        return true;
    case SERVICE_OPTION_NO_CHDIR:
        options->daemonize.no_chdir = true;
        return true;
    case SERVICE_OPTION_PIDFILE:
        set_pidfile(options, argument);
        return true;
    case SERVICE_OPTION_OVERWRITE_PIDFILE:
        options->daemonize.overwrite_pidfile = true;
        return true;
    case SERVICE_OPTION_NO_SELF_CONFINEMENT:
        options->no_self_confinement = true;
        return true;
    case SERVICE_OPTION_ALLOW_PATH:
        *ret_failure = add_allowed_path(options, argument);
        return true;
    case SERVICE_OPTION_USER:
        replace_text(&options->user, xstrdup(argument));
        return true;
    case 'v':
        *ret_failure = set_verbosity(argument);
        return true;
    case SERVICE_OPTION_LOG_FILE:
        options->log_to_file = true;
        replace_text(&options->log_file, argument ? xstrdup(argument) : NULL);
        return true;
    case SERVICE_OPTION_SYSLOG_METHOD:
        *ret_failure = vlog_set_syslog_method(argument);
        return true;
    case SERVICE_OPTION_SYSLOG_TARGET:
        *ret_failure = vlog_set_syslog_target(argument);
        return true;
    case SERVICE_OPTION_UNIXCTL:
        replace_text(&options->unixctl, xstrdup(argument));
        return true;
    default:
        return false;
    }
}

static struct failure *become_user(const char *spec)
{
    struct identity identity = {0};
    struct failure *failure = identity_parse(spec, &identity);
    int r;

    if (failure) {
        return failure;
    }
    r = vlog_give_file(identity.uid, identity.gid);
    failure = r < 0 ? failure_from_errno(r, "cannot give the log file to user %s", identity.user)
                    : privileges_become(&identity);
    identity_done(&identity);
    return failure;
}

struct failure *service_options_apply(const struct service_options *options)
{
    _cleanup_free_ char *path = NULL;
    int r = options->log_to_file ? vlog_set_file(options->log_file, &path) : 0;

    if (r < 0) {
        log_warn("failed to open %s for logging: %s", path, strerror(-r));
    }
    return options->user ? become_user(options->user) : NULL;
}

char *service_options_control_path(const struct service_options *options, const char *program)
{
    _cleanup_free_ char *name = NULL;

    if (options->unixctl && !strcmp(options->unixctl, "none")) {
        return NULL;
    }
    name = options->unixctl ? xstrdup(options->unixctl)
                            : xasprintf("%s.%ld.ctl", program, (long)getpid());
    return dirs_path(dirs_run(), name);
}

// `spec` is "PATH[:ro]".
static void allow_path(const char *spec)
{
    static const char suffix[] = ":ro";
    size_t size = strlen(spec);
    bool read_only = size > strlen(suffix) && !strcmp(spec + size - strlen(suffix), suffix);
    _cleanup_free_ char *path = xstrndup(spec, size - (read_only ? strlen(suffix) : 0));

    if (!confine_allow_path(path, read_only)) {
        log_warn("--allow-path=%s: it does not exist; restart the program after creating it", spec);
    }
}

void service_options_confine(const struct service_options *options, const char *program)
{
    _cleanup_free_ char *control = service_options_control_path(options, program);

    if (control) {
        confine_allow(CONFINE_SOCKET, control);
    }
    if (options->log_file) {
        confine_allow(CONFINE_LOG, options->log_file);
    }
    if (options->daemonize.pidfile) {
        confine_allow(CONFINE_PIDFILE, options->daemonize.pidfile);
    }
    for (size_t i = 0; i < options->n_allowed_paths; i++) {
        allow_path(options->allowed_paths[i]);
    }
}

void service_log_options_help(const char *program)
{
    printf(
        "\nLogging options:\n"
        "  -v, --verbose           log all messages to all destinations\n"
        "  -vSPEC, --verbose=SPEC  set levels: [MODULE][:syslog|console|file][:LEVEL],\n"
        "                          LEVEL one of off, emer, err, warn, info, dbg\n"
        "  -vPATTERN:DEST:PATTERN  set the line pattern of syslog, console or file\n"
        "  -vFACILITY:FACILITY     set the syslog facility\n"
        "  --log-file[=FILE]       log to FILE too\n"
        "                          (default: %s/%s.log)\n"
        "  --syslog-method=METHOD  libc, null, unix:FILE or udp:IP:PORT\n"
        "  --syslog-target=IP:PORT send syslog messages there too, by UDP\n",
        dirs_log(), program);
}

void service_options_help(const char *program)
{
    printf(
        "\nDaemon options:\n"
        "  --detach                run in the background, once everything is ready\n"
        "  --monitor               start a process that restarts this one when it crashes\n"
        "  --no-chdir              with --detach, keep the current folder\n"
        "  --pidfile[=FILE]        write the process id to FILE\n"
        "                          (default: %s/%s.pid)\n"
        "  --overwrite-pidfile     with --pidfile, start even if the file is in use\n"
        "  --allow-path=PATH[:ro]  use files below PATH too, or only read them\n"
        "  --no-self-confinement   do not restrict file access to certain folders\n"
        "  --user=USER[:GROUP]     become USER (and GROUP) and give up root's privileges\n",
        dirs_run(), program);
    service_log_options_help(program);
    printf(
        "\nManagement options:\n"
        "  --unixctl=SOCKET        name of the control socket, or \"none\"\n"
        "                          (default: %s/%s.PID.ctl)\n",
        dirs_run(), program);
}

void service_options_list(const struct option *options)
{
    static const char *const values[] = {
        [no_argument] = "", [required_argument] = "ARG", [optional_argument] = "[ARG]"};

    for (; options->name; options++) {
        const char *value;

        assert((size_t)options->has_arg < ARRAY_SIZE(values));
        value = values[options->has_arg];
        printf("--%s%s%s\n", options->name, value[0] ? "=" : "", value);
        if (options->val > ' ' && options->val < 0x7f) {
            printf("-%c %s\n", options->val, value);
        }
    }
}
