// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "config.h"
#include "daemon/admin/commands.h"
#include "daemon/admin/statistics.h"
#include "daemon/admin/status.h"
#include "daemon/configuration/settings.h"
#include "daemon/handover/child.h"
#include "daemon/handover/handover.h"
#include "daemon/handover/run_time.h"
#include "daemon/loop.h"
#include "daemon/sessions/audit.h"
#include "daemon/sessions/client_sessions.h"
#include "service/fd_store.h"
#include "service/notify.h"
#include "service/pidfile.h"
#include "service/vlog.h"
#include "session/usage.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define COMPACTION_CHECK_INTERVAL (30 * USEC_PER_SEC)
#define RUN_TIME                  USEC_PER_MSEC // of long work, before input is looked for again
#define FLUSH_TIMEOUT             (2 * USEC_PER_SEC)

LOG_MODULE(ovsdb_server);

static uint64_t last_ticket(void *userdata)
{
    return group_commit_issued(userdata);
}

static void on_synced(void *userdata, uint64_t ticket)
{
    struct daemon *daemon = userdata;

    if (daemon->net) {
        net_release(daemon->net, ticket);
    }
}

static void on_sync_failed(void *userdata, struct store *store, int error)
{
    struct daemon *daemon = userdata;

    status_tell(daemon);
    // Nobody is told "committed": whom it concerns, nobody knows any more.
    if (daemon->net) {
        net_drop_waiting(daemon->net, "what it waited for cannot be stored");
    }
}

static const struct group_commit_handler group_commit_handler = {.synced = on_synced,
                                                                 .failed = on_sync_failed};

static void set_deadline(struct daemon *daemon)
{
    usec_t deadline = MIN(server_deadline(daemon->server), remotes_deadline(daemon->remotes));

    deadline = MIN(deadline, tls_settings_deadline(daemon->tls));
    if (daemon->deadline && deadline != daemon->deadline_set) {
        daemon->deadline_set = deadline;
        if (deadline != USEC_INFINITY) {
            sd_event_source_set_time(daemon->deadline, deadline);
        }
        sd_event_source_set_enabled(daemon->deadline,
                                    deadline == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ON);
    }
}

// What follows input: wake what waits, follow the remotes that databases name, sync what was
// committed.
static void finish_turn(struct daemon *daemon)
{
    usec_t now = clock_monotonic();
    usec_t end = now + RUN_TIME;
    bool more;

    do {
        more = server_run(daemon->server, now);
        now = clock_monotonic();
    } while (more && now < end);
    if (tls_settings_run(daemon->tls, now)) {
        remotes_retry(daemon->remotes);
    }
    more = remotes_run(daemon->remotes, now) || more;
    if (databases_run(daemon->databases) || more) {
        sd_event_source_set_enabled(daemon->again, SD_EVENT_ONESHOT);
    }
    group_commit_flush(daemon->group_commit);
    set_deadline(daemon);
    if (remotes_take_failures_changed(daemon->remotes)) {
        status_tell(daemon);
    }
    status_check(daemon);
}

static int on_turn(sd_event_source *source, void *userdata)
{
    finish_turn(userdata);
    return 0;
}

// The post source follows and does the work.
static int on_again(sd_event_source *source, void *userdata)
{
    return 0;
}

static int on_deadline(sd_event_source *source, usec_t when, void *userdata)
{
    struct daemon *daemon = userdata;

    // Turned off, so that set_deadline() arms it again even for the same time.
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    daemon->deadline_set = USEC_INFINITY;
    return 0;
}

static int on_group_commit(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct daemon *daemon = userdata;

    group_commit_dispatch(daemon->group_commit);
    return 0;
}

static int on_compaction_check(sd_event_source *source, usec_t when, void *userdata)
{
    struct daemon *daemon = userdata;
    usec_t now = clock_monotonic();

    databases_compact_if_due(daemon->databases, now);
    return sd_event_source_set_time(source, now + COMPACTION_CHECK_INTERVAL);
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info,
                        void *userdata)
{
    struct daemon *daemon = userdata;

    log_info("stopping because of signal %u (%s)", info->ssi_signo,
             strsignal((int)info->ssi_signo));
    // It may be a restart. A final stop ends what the service manager keeps.
    daemon->hands_over = info->ssi_signo == SIGTERM && fd_store_is_offered();
    daemon_exit(daemon, 0);
    return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    free(daemon_reload(userdata)); // the log has what is wrong
    return 0;
}

// The log was rotated.
static int on_rotated(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    int r = vlog_reopen();

    if (r < 0) {
        log_warn("the log file cannot be opened: %s", strerror(-r));
    }
    return 0;
}

static int on_dump(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    status_log(userdata);
    return 0;
}

static void on_child_ended(void *userdata, const char *error)
{
    if (error) {
        fprintf(stderr, "ovsdb-server: %s\n", error);
    }
    daemon_exit(userdata, error ? 1 : 0);
}

static int add_timers(struct daemon *daemon)
{
    usec_t first = clock_monotonic() + COMPACTION_CHECK_INTERVAL;
    int r = sd_event_add_time(daemon->event, &daemon->deadline, CLOCK_MONOTONIC, 0, USEC_PER_MSEC,
                              on_deadline, daemon);

    if (r >= 0) {
        r = sd_event_source_set_enabled(daemon->deadline, SD_EVENT_OFF);
    }
    if (r >= 0) {
        r = sd_event_add_time(daemon->event, &daemon->compaction, CLOCK_MONOTONIC, first,
                              USEC_PER_SEC, on_compaction_check, daemon);
    }
    if (r >= 0) {
        sd_event_source_set_description(daemon->deadline, "deadline");
        sd_event_source_set_description(daemon->compaction, "compaction");
        r = sd_event_source_set_enabled(daemon->compaction, SD_EVENT_ON);
    }
    return r;
}

static int add_turn(struct daemon *daemon)
{
    int r = sd_event_add_post(daemon->event, &daemon->turn, on_turn, daemon);

    if (r >= 0) {
        r = sd_event_add_defer(daemon->event, &daemon->again, on_again, daemon);
    }
    if (r >= 0) {
        r = sd_event_add_io(daemon->event, &daemon->synced, group_commit_fd(daemon->group_commit),
                            EPOLLIN, on_group_commit, daemon);
    }
    if (r >= 0) {
        sd_event_source_set_description(daemon->turn, "turn");
        sd_event_source_set_description(daemon->again, "again");
        // Long work goes on by steps, and what clients send and are sent comes before each.
        sd_event_source_set_priority(daemon->again, SD_EVENT_PRIORITY_IDLE);
        sd_event_source_set_description(daemon->synced, "group commit");
        r = sd_event_source_set_priority(daemon->synced, SD_EVENT_PRIORITY_IMPORTANT);
    }
    return r;
}

static int add_signals(struct daemon *daemon)
{
    static const struct {
        int number;
        sd_event_signal_handler_t handler;
    } signals[] = {
        {SIGTERM, on_terminate}, {SIGINT, on_terminate}, {SIGHUP, on_hangup},
        {SIGUSR1, on_rotated},   {SIGUSR2, on_dump},
    };
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(signals) && r >= 0; i++) {
        r = sd_event_add_signal(daemon->event, NULL, signals[i].number, signals[i].handler, daemon);
    }
    return r;
}

// The loop and the objects of every layer, not serving yet.
static int make_objects(struct daemon *daemon)
{
    int r = sd_event_new(&daemon->event);

    if (r < 0) {
        return r;
    }
    daemon->deadline_set = USEC_INFINITY;
    daemon->group_commit = group_commit_new(&group_commit_handler, daemon);
    daemon->server = server_new(last_ticket, daemon->group_commit, uuid_random);
    server_set_clock(daemon->server, clock_monotonic);
    daemon->client_sessions =
        (struct client_sessions){daemon->server, &daemon->options->identities};
    daemon->net = client_sessions_net_new(daemon->event, &daemon->client_sessions);
    daemon->databases = databases_new(daemon->server, daemon->group_commit);
    daemon->tls = tls_settings_new(daemon->net, daemon->databases);
    daemon->remotes = remotes_new(daemon->net, daemon->server, daemon->databases);
    daemon->sync = sync_new(daemon->event, daemon->server, daemon->databases, daemon->net);
    daemon->registry = command_registry_new();
    commands_register(daemon->registry, daemon);
    statistics_register_commands(daemon->registry, daemon);
    audit_register_commands(daemon->registry, daemon);
    sync_register_commands(daemon->sync, daemon->registry);
    r = add_signals(daemon);
    if (r >= 0) {
        r = add_turn(daemon);
    }
    if (r >= 0) {
        r = statistics_start(daemon);
    }
    return r < 0 ? r : add_timers(daemon);
}

static char *adopt_control(struct daemon *daemon, struct listen_fd *fd, enum control_kind kind,
                           struct control **ret)
{
    char *error = NULL;

    if (*ret) {
        return xasprintf("more than one socket called \"%s\" was passed", fd->name);
    }
    control_new_from_fd(daemon->event, daemon->registry, kind, fd->fd, ret, &error);
    if (!error) {
        fd->fd = -1;
    }
    return error;
}

// A socket from the service manager is what its name says: "control", "metrics", a database socket
// of TLS, or else any other database socket.
static char *adopt(struct daemon *daemon, struct listen_fd *fd)
{
    if (!strcmp(fd->name, "control")) {
        return adopt_control(daemon, fd, CONTROL_COMMANDS, &daemon->passed_control);
    }
    if (!strcmp(fd->name, "metrics")) {
        return adopt_control(daemon, fd, CONTROL_METRICS, &daemon->metrics);
    }
    return remotes_add_fd(daemon->remotes, TAKE_FD(fd->fd), !strcmp(fd->name, "ssl"));
}

static char *open_sockets(struct daemon *daemon, const struct server_options *options,
                          struct listen_fd *fds, size_t n_fds)
{
    _cleanup_free_ char *path = NULL;
    char *error = NULL;

    for (size_t i = 0; i < n_fds && !error; i++) {
        if (fds[i].fd >= 0) {
            error = adopt(daemon, &fds[i]);
        }
    }
    if (!error) {
        error = settings_open_remotes(daemon, options);
    }
    if (!error) {
        run_time_restore_added_remotes(daemon->run_time);
    }
    if (!error) {
        remotes_follow(daemon->remotes); // what databases name is there when we are
    }
    path = service_options_control_path(&options->service, "ovsdb-server");
    if (!error && path) {
        control_new(daemon->event, daemon->registry, path, &daemon->control, &error);
    }
    return error;
}

static char *start_command(struct daemon *daemon, const char *command)
{
    int r = child_new(daemon->event, command, on_child_ended, daemon, &daemon->child);

    return r < 0 ? xasprintf("%s: cannot be run: %s", command, strerror(-r)) : NULL;
}

// Starts serving, resuming handed-over connections if there are any. They are taken when the
// databases are open: if these cannot be opened, the connections wait for the next attempt.
static char *start_serving(struct daemon *daemon, const struct server_options *options,
                           struct listen_fd *fds, size_t n_fds)
{
    _cleanup_handover_ struct handover *handover = NULL;
    char *error = settings_open_databases(daemon, options);

    if (!error) {
        run_time_restore_databases(daemon->run_time);
        handover = handover_take(fds, n_fds);
        handover_restore_databases(handover, daemon);
        error = settings_set_tls(daemon, options, true);
    }
    if (!error) {
        error = settings_start_sync(daemon, options);
    }
    if (!error) {
        run_time_restore_settings(daemon->run_time);
        run_time_restore_removed_remotes(daemon->run_time);
        handover_offer_listeners(handover, daemon->net);
        error = open_sockets(daemon, options, fds, n_fds);
    }
    if (!error) {
        handover_continue(handover, daemon);
    }
    return error;
}

static void on_command_ran(void *userdata)
{
    struct daemon *daemon = userdata;

    run_time_save(daemon->run_time);
}

char *daemon_start(struct daemon *daemon, struct server_options *options, struct listen_fd *fds,
                   size_t n_fds)
{
    char *error;
    int r;

    daemon->options = options;
    r = make_objects(daemon);
    if (r < 0) {
        return xasprintf("cannot set up the event loop: %s", strerror(-r));
    }
    log_event(LOG_LEVEL_INFO, MSG_STARTED, NULL, "ovsdb-server (ovsdbd) %s", OVSDBD_VERSION);
    settings_log_warnings(options);
    daemon->run_time = run_time_new(daemon, fds, n_fds);
    command_registry_on_change(daemon->registry, on_command_ran, daemon);
    error = start_serving(daemon, options, fds, n_fds);
    if (!error && options->run) {
        error = start_command(daemon, options->run);
    }
    return error;
}

int daemon_run(struct daemon *daemon)
{
    int r;

    sd_event_set_watchdog(daemon->event, true);
    finish_turn(daemon);
    r = loop_run(daemon->event);
    if (r < 0) {
        log_err("the event loop failed: %s", strerror(-r));
        return 1;
    }
    return daemon->exit_status;
}

void daemon_exit(struct daemon *daemon, int status)
{
    daemon->exit_status = status;
    if (!daemon->hands_over) {
        run_time_forget(daemon->run_time);
    }
    sd_event_exit(daemon->event, 0);
}

static char *reload(struct daemon *daemon)
{
    char *error = settings_reload(daemon);
    int r = vlog_reopen();

    if (!error && r < 0) {
        error = xasprintf("the log file cannot be opened: %s", strerror(-r));
    }
    net_reload_tls(daemon->net);
    return error;
}

char *daemon_reload(struct daemon *daemon)
{
    char *error;

    notify_reloading();
    error = reload(daemon);
    free(daemon->reload_error);
    daemon->reload_error = error ? xstrdup(error) : NULL;
    if (error) {
        log_event(LOG_LEVEL_WARN, MSG_RELOAD_FAILED, NULL, "reload: %s", error);
    } else {
        log_event(LOG_LEVEL_INFO, MSG_RELOADED, NULL, "reloaded");
    }
    run_time_save_again(daemon->run_time);
    status_tell(daemon);
    notify_ready();
    return error;
}

// What was answered leaves once it is synced, and no later than a moment from now.
static void flush(struct daemon *daemon)
{
    finish_turn(daemon); // the loop may have ended in the middle of one
    group_commit_drain(daemon->group_commit);
    group_commit_dispatch(daemon->group_commit);
    if (daemon->hands_over) {
        handover_give(daemon);
    }
    net_flush(daemon->net, FLUSH_TIMEOUT);
}

static void unref_sources(struct daemon *daemon)
{
    sd_event_source **sources[] = {&daemon->turn,   &daemon->again,      &daemon->deadline,
                                   &daemon->synced, &daemon->compaction, &daemon->statistics};

    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        *sources[i] = sd_event_source_disable_unref(*sources[i]);
    }
}

void daemon_stop(struct daemon *daemon)
{
    if (daemon->net) {
        log_event(LOG_LEVEL_INFO, MSG_STOPPING, NULL, "stopping");
        flush(daemon);
        remotes_free(TAKE_PTR(daemon->remotes));
        tls_settings_free(TAKE_PTR(daemon->tls));
        sync_free(TAKE_PTR(daemon->sync));
        net_free(TAKE_PTR(daemon->net));
        databases_free(TAKE_PTR(daemon->databases));
        server_free(TAKE_PTR(daemon->server));
        group_commit_free(TAKE_PTR(daemon->group_commit));
    }
    unref_sources(daemon);
    child_free(TAKE_PTR(daemon->child));
    // Last, so that who called "exit" hears from us when all is closed and another may start.
    pidfile_remove();
    control_free(TAKE_PTR(daemon->control));
    control_free(TAKE_PTR(daemon->passed_control));
    control_free(TAKE_PTR(daemon->metrics));
    command_registry_free(TAKE_PTR(daemon->registry));
    run_time_free(TAKE_PTR(daemon->run_time));
    daemon->event = sd_event_unref(daemon->event);
    free(TAKE_PTR(daemon->reload_error));
    free(TAKE_PTR(daemon->told));
}
