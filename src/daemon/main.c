// SPDX-License-Identifier: Apache-2.0
// ovsdb-server: the process. daemon.c has the server itself.
#include "basic/alloc.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "basic/reclaim.h"
#include "daemon/admin/status.h"
#include "daemon/configuration/confinement.h"
#include "daemon/daemon.h"
#include "daemon/startup.h"
#include "engine/check.h"
#include "service/confine.h"
#include "service/notify.h"
#include "service/pidfile.h"
#include "service/privileges.h"
#include "service/vlog.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

LOG_MODULE(ovsdb_server);

// Reports why the server cannot start, and frees the failure: on standard error, in the log if that
// is not standard error, and as the status that the service manager shows. Returns the exit status.
static int fail(struct failure *failure)
{
    _cleanup_free_ char *error = failure_take_text(failure);

    notify_status("%s", error);
    if (!vlog_is_journal()) {
        fprintf(stderr, "ovsdb-server: %s\n", error);
        vlog_leave_console();
    }
    log_event(LOG_LEVEL_ERR, MSG_START_FAILED, NULL, "%s", error);
    return EXIT_FAILURE;
}

// Each client needs a descriptor. Numbers above FD_SETSIZE are safe, as sd-event uses epoll.
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

// The event loop receives signals through a signalfd: no thread may handle them.
static void block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

// Scripts that listen on port 0 read the chosen port on the console, in a message of this module.
static void show_ports_on_console(void)
{
    log_set_level(log_module_get("net"), LOG_TO_CONSOLE, LOG_LEVEL_INFO);
}

// A debug option of the test suites, see docs/HACKING.md.
static void set_structure_checks(void)
{
    const char *value = getenv("OVSDBD_CHECK_STRUCTURES");

    if (value && *value && strcmp(value, "0")) {
        db_set_structure_checks(true);
        log_info(
            "checking all structures of a database after each commit, because "
            "OVSDBD_CHECK_STRUCTURES is set");
    }
}

// Reports and frees the failure of a start; an interrupted start is a success. Returns the exit
// status.
static int end_start(struct failure *failure)
{
    if (!startup_is_interrupted()) {
        return fail(failure);
    }
    failure_free(failure);
    notify_stopping("ended before everything was ready");
    return EXIT_SUCCESS;
}

static int serve(struct server_options *options, struct listen_fd *fds, size_t n_fds)
{
    struct daemon daemon = {0};
    struct failure *failure;
    bool was_started;
    int status;

    block_signals();
    failure = confinement_start(options);
    if (!failure) {
        failure = daemon_start(&daemon, options, fds, n_fds);
    }
    was_started = !failure;
    if (failure) {
        status = end_start(failure);
    } else {
        startup_is_over();
        daemonize_ready();
        status_send(daemon.status);
        notify_ready();
        status = daemon_run(&daemon);
    }
    // After a failure the service manager keeps showing the reason.
    notify_stopping(status == EXIT_SUCCESS && was_started ? "closing databases and connections"
                                                          : NULL);
    daemon_stop(&daemon);
    return status;
}

// Stores the sockets of the service manager and those of --remote=pfd:FD.
static struct failure *collect_sockets(const struct server_options *options, struct listen_fd **fds,
                                       int *n_fds)
{
    struct failure *failure = NULL;
    int n = listen_fds_take(fds);

    if (n < 0) {
        return failure_from_errno(n, "the sockets passed by the service manager cannot be used");
    }
    *n_fds = n;
    for (size_t i = 0; i < options->n_inherited && !failure; i++) {
        failure = listen_fds_add(fds, n_fds, options->inherited[i]);
    }
    return failure;
}

// Opens the log file, drops privileges, forks if asked to, and writes the pid file.
static struct failure *prepare_process(const struct server_options *options)
{
    struct failure *failure = service_options_apply(&options->service);

    // The command of --run may need capabilities that the server does not.
    if (!failure && !options->run && !options->service.user) {
        failure = privileges_trim();
    }
    return failure ? failure : daemonize_start(&options->service.daemonize);
}

// Prepares the process and serves. Returns the exit status.
static int start_process(struct server_options *options)
{
    struct listen_fd *fds = NULL;
    int n_fds = 0;
    struct failure *failure = collect_sockets(options, &fds, &n_fds);
    int status;

    if (!failure) {
        failure = prepare_process(options);
    }
    status = failure ? fail(failure) : serve(options, fds, (size_t)n_fds);
    listen_fds_free(fds, (size_t)n_fds);
    return status;
}

// Prints the warnings of --check-config for a valid file.
static void print_warnings(const struct server_options *options)
{
    for (size_t i = 0; i < options->config.n_warnings; i++) {
        printf("warning: %s\n", options->config.warnings[i]);
    }
}

int main(int argc, char **argv)
{
    struct server_options options = {0};
    struct failure *failure;
    int status = EXIT_SUCCESS;

    vlog_init("ovsdb-server");
    show_ports_on_console();
    raise_descriptor_limit();
    reclaim_set_malloc_options();
    switch (server_options_parse(&options, argc, argv, &failure)) {
    case OPTIONS_RUN:
        set_structure_checks();
        status = start_process(&options);
        break;
    case OPTIONS_CHECK:
        print_warnings(&options);
        break;
    case OPTIONS_EXIT:
        break;
    case OPTIONS_INVALID:
        status = failure ? fail(failure) : EXIT_FAILURE;
        break;
    }
    confine_done();
    server_options_done(&options);
    vlog_done();
    return status;
}
