// SPDX-License-Identifier: Apache-2.0
// ovsdb-server: the command line, the start and the end. What lies between is in daemon.c.
#include "basic/alloc.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "daemon/configuration/confinement.h"
#include "daemon/daemon.h"
#include "daemon/startup.h"
#include "engine/check.h"
#include "service/confine.h"
#include "service/notify.h"
#include "service/pidfile.h"
#include "service/privileges.h"
#include "service/vlog.h"

#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

LOG_MODULE(ovsdb_server);

// One line on standard error, and in the log where that is something else. It stays the status that
// the service manager shows.
static int fail(const char *error)
{
    notify_status("%s", error);
    if (!vlog_is_journal()) {
        fprintf(stderr, "ovsdb-server: %s\n", error);
        vlog_leave_console();
    }
    log_event(LOG_LEVEL_ERR, MSG_START_FAILED, NULL, "%s", error);
    return EXIT_FAILURE;
}

// Thousands of clients are thousands of descriptors; sd-event needs no select().
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

// The C library puts off work: it joins small pieces that are freed with their neighbours when some
// large one comes, and gives pages back when very many can be. After a database was freed that is
// seconds. So each piece is joined at once, and pages are kept for the next database.
static void even_out_free(void)
{
    mallopt(M_MXFAST, 0);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    mallopt(M_TOP_PAD, 64 << 20);
}

// Signals come through the event loop, so no thread must take them.
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

// Scripts that ask for port 0 read on the console which one it became, in a line of this module.
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
            "checking all structures of a database after each commit, as "
            "OVSDBD_CHECK_STRUCTURES asks for");
    }
}

static int serve(struct server_options *options, struct listen_fd *fds, size_t n_fds)
{
    struct daemon daemon = {0};
    _cleanup_free_ char *error = NULL;
    int status;

    block_signals();
    error = confinement_start(options);
    if (!error) {
        error = daemon_start(&daemon, options, fds, n_fds);
    }
    if (error) {
        status = fail(error);
    } else {
        startup_is_over();
        daemonize_ready();
        status_tell(&daemon);
        notify_ready();
        status = daemon_run(&daemon);
    }
    // After a failure the status is the reason.
    notify_stopping(status == EXIT_SUCCESS ? "closing databases and connections" : NULL);
    daemon_stop(&daemon);
    return status;
}

// The process is ready to serve: forked, logging, with its pid file.
static int start(struct server_options *options)
{
    _cleanup_free_ char *error = NULL;
    struct listen_fd *fds = NULL;
    int n_fds = listen_fds_take(&fds);
    int status = EXIT_FAILURE;

    if (n_fds < 0) {
        return fail("the sockets passed by the service manager cannot be used");
    }
    for (size_t i = 0; i < options->n_inherited && !error; i++) {
        error = listen_fds_add(&fds, &n_fds, options->inherited[i]);
    }
    if (error) {
        fail(error);
    } else if (service_options_apply(&options->service, &error) < 0 ||
               // The command of --run is the caller's, and may need what the server does not.
               (!options->run && !options->service.user && privileges_trim(&error) < 0) ||
               daemonize_start(&options->service.daemonize, &error) < 0) {
        fail(error);
    } else {
        status = serve(options, fds, (size_t)n_fds);
    }
    listen_fds_free(fds, (size_t)n_fds);
    return status;
}

// What --check-config has to say of a file that is right.
static void print_warnings(const struct server_options *options)
{
    for (size_t i = 0; i < options->config.n_warnings; i++) {
        printf("warning: %s\n", options->config.warnings[i]);
    }
}

int main(int argc, char **argv)
{
    struct server_options options = {0};
    _cleanup_free_ char *error = NULL;
    int status = EXIT_SUCCESS;
    int r;

    vlog_init("ovsdb-server");
    show_ports_on_console();
    raise_descriptor_limit();
    even_out_free();
    r = server_options_parse(&options, argc, argv, &error);
    if (r < 0) {
        status = error ? fail(error) : EXIT_FAILURE;
    } else if (r == OPTIONS_RUN) {
        set_structure_checks();
        status = start(&options);
    } else if (r == OPTIONS_CHECK) {
        print_warnings(&options);
    }
    confine_done();
    server_options_done(&options);
    vlog_done();
    return status;
}
