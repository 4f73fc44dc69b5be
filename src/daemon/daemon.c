// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "config.h"
#include "control/control.h"
#include "daemon/admin/audit.h"
#include "daemon/admin/clients.h"
#include "daemon/admin/statistics.h"
#include "daemon/admin/status.h"
#include "daemon/child.h"
#include "daemon/cluster/clusters.h"
#include "daemon/cluster/commands.h"
#include "daemon/configuration/reload.h"
#include "daemon/configuration/settings.h"
#include "daemon/configuration/tls_settings.h"
#include "daemon/handover/clients.h"
#include "daemon/handover/run_time.h"
#include "daemon/loop.h"
#include "daemon/replication/relay.h"
#include "daemon/replication/sync_commands.h"
#include "daemon/replication/upstream.h"
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
#define RUN_TIME                  USEC_PER_MSEC // of pending work before events are polled again
#define FLUSH_TIMEOUT             (2 * USEC_PER_SEC)
#define HAND_OVER_TIMEOUT         (2 * USEC_PER_SEC) // of the leadership of clusters

LOG_MODULE(ovsdb_server);

static void on_sync_failed(void *userdata, struct store *store, int error)
{
    const struct daemon *daemon = userdata;

    status_send(daemon->status);
}

// Sets the timer to the earliest deadline of the layers, or turns it off.
static void set_deadline(struct daemon *daemon)
{
    usec_t deadline =
        MIN(server_deadline(daemon->parts.server), remotes_deadline(daemon->parts.remotes));

    deadline = MIN(deadline, tls_settings_deadline(daemon->parts.tls));
    if (daemon->deadline && deadline != daemon->deadline_set) {
        daemon->deadline_set = deadline;
        if (deadline != USEC_INFINITY) {
            sd_event_source_set_time(daemon->deadline, deadline);
        }
        sd_event_source_set_enabled(daemon->deadline,
                                    deadline == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ON);
    }
}

// Ends a turn of the loop: runs waiting transactions and updates for at most RUN_TIME, applies TLS
// options and remotes that databases name, continues long work, and lets the group commit sync what
// was committed.
static void finish_turn(struct daemon *daemon)
{
    usec_t now = clock_monotonic();
    usec_t end = now + RUN_TIME;
    bool more;

    do {
        more = server_run(daemon->parts.server, now);
        now = clock_monotonic();
    } while (more && now < end);
    if (tls_settings_run(daemon->parts.tls, now)) {
        remotes_retry(daemon->parts.remotes);
    }
    more = remotes_run(daemon->parts.remotes, now) || more;
    if (databases_run(daemon->parts.databases) || more) {
        sd_event_source_set_enabled(daemon->again, SD_EVENT_ONESHOT);
    }
    reload_run(daemon->reload);
    if (clusters_run(daemon->parts.clusters)) {
        sd_event_source_set_enabled(daemon->again, SD_EVENT_ONESHOT);
    }
    group_commit_flush(daemon->group_commit);
    set_deadline(daemon);
    if (remotes_take_failures_changed(daemon->parts.remotes)) {
        status_send(daemon->status);
    }
    status_notify_watchers(daemon->status);
}

static int on_turn(sd_event_source *source, void *userdata)
{
    finish_turn(userdata);
    return 0;
}

// Only wakes the loop: the post source, which runs after every event, does the work.
static int on_again(sd_event_source *source, void *userdata)
{
    return 0;
}

static int on_deadline(sd_event_source *source, usec_t when, void *userdata)
{
    struct daemon *daemon = userdata;

    // Turned off so that set_deadline() enables it again even for the same time. on_turn() follows.
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

    databases_compact_if_due(daemon->parts.databases, now);
    clusters_compact_if_due(daemon->parts.clusters);
    return sd_event_source_set_time(source, now + COMPACTION_CHECK_INTERVAL);
}

static void on_handed_over(void *userdata)
{
    const struct daemon *daemon = userdata;

    sd_event_exit(daemon->event, 0);
}

// Ends daemon_run() after the current callback, or when other members of clusters have taken over.
static void exit_loop(struct daemon *daemon, int status)
{
    daemon->exit_status = status;
    if (!daemon->hands_over) {
        run_time_forget(daemon->run_time);
    }
    if (!clusters_hand_over(daemon->parts.clusters, HAND_OVER_TIMEOUT, on_handed_over, daemon)) {
        sd_event_exit(daemon->event, 0);
    }
}

static void on_exit_requested(void *userdata)
{
    exit_loop(userdata, 0);
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info,
                        void *userdata)
{
    struct daemon *daemon = userdata;

    log_info("stopping because of signal %u (%s)", info->ssi_signo,
             strsignal((int)info->ssi_signo));
    // It may be a restart. After a final stop the service manager closes what it keeps.
    daemon->hands_over = info->ssi_signo == SIGTERM && fd_store_is_offered();
    exit_loop(daemon, 0);
    return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    struct daemon *daemon = userdata;

    reload_request(daemon->reload, NULL);
    return 0;
}

// A tool has rotated the log file: opens the new one.
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
    const struct daemon *daemon = userdata;

    status_log(daemon->status);
    return 0;
}

static void on_child_ended(void *userdata, const char *error)
{
    if (error) {
        fprintf(stderr, "ovsdb-server: %s\n", error);
    }
    exit_loop(userdata, error ? 1 : 0);
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
        // Long work goes on in steps; input and output of clients come before each step.
        sd_event_source_set_priority(daemon->again, SD_EVENT_PRIORITY_IDLE);
        sd_event_source_set_description(daemon->synced, "group commit");
        r = sd_event_source_set_priority(daemon->synced, SD_EVENT_PRIORITY_IMPORTANT);
    }
    return r;
}

// The signals must be blocked already.
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

// Registers the commands of every part.
static void register_commands(struct daemon *daemon)
{
    struct command_registry *registry = daemon->parts.registry;

    daemon->admin = (struct admin){
        .parts = &daemon->parts,
        .status = daemon->status,
        .exit = on_exit_requested,
        .reload = daemon->reload,
        .userdata = daemon,
    };
    commands_register(registry, &daemon->admin);
    statistics_register_commands(registry, &daemon->parts);
    status_register_command(registry, daemon->status);
    clients_register_commands(registry, daemon->parts.server);
    audit_register_commands(registry, &daemon->parts);
    sync_register_commands(daemon->parts.sync, registry);
    relays_register_commands(daemon->parts.relays, registry);
    cluster_commands_register(registry, &daemon->parts);
}

// Creates the event loop and the objects of every layer; nothing is served yet. 0 or negative
// errno.
static int make_objects(struct daemon *daemon)
{
    int r = sd_event_new(&daemon->event);

    if (r < 0) {
        return r;
    }
    daemon->deadline_set = USEC_INFINITY;
    daemon->group_commit = group_commit_new(on_sync_failed, daemon);
    daemon->parts.server = server_new(uuid_random);
    server_set_clock(daemon->parts.server, clock_monotonic);
    daemon->client_sessions =
        (struct client_sessions){daemon->parts.server, &daemon->parts.options->identities};
    daemon->parts.net = client_sessions_net_new(daemon->event, &daemon->client_sessions);
    daemon->parts.databases = databases_new(daemon->parts.server, daemon->group_commit);
    daemon->parts.tls = tls_settings_new(daemon->parts.net, daemon->parts.databases);
    daemon->parts.remotes =
        remotes_new(daemon->parts.net, daemon->parts.server, daemon->parts.databases);
    daemon->parts.upstreams = upstreams_new(daemon->event, daemon->parts.server, daemon->parts.net);
    daemon->parts.sync =
        sync_new(daemon->parts.server, daemon->parts.databases, daemon->parts.upstreams);
    daemon->parts.relays =
        relays_new(daemon->parts.server, daemon->parts.databases, daemon->parts.upstreams);
    daemon->parts.clusters =
        clusters_new(daemon->event, daemon->parts.server, daemon->parts.databases,
                     daemon->parts.net, daemon->group_commit);
    daemon->parts.cluster_control = clusters_control(daemon->parts.clusters);
    daemon->parts.registry = command_registry_new();
    daemon->status = status_new(&daemon->parts);
    daemon->reload = reload_new(&daemon->parts, daemon->status);
    register_commands(daemon);
    r = add_signals(daemon);
    if (r >= 0) {
        r = add_turn(daemon);
    }
    if (r >= 0) {
        r = statistics_new(daemon->event, &daemon->parts, daemon->status, &daemon->statistics);
    }
    return r < 0 ? r : add_timers(daemon);
}

static struct failure *start_command(struct daemon *daemon, const char *command)
{
    int r = child_new(daemon->event, command, on_child_ended, daemon, &daemon->child);

    return r < 0 ? failure_from_errno(r, "%s: cannot be run", command) : NULL;
}

static void on_state_changed(void *userdata)
{
    struct daemon *daemon = userdata;

    run_time_save(daemon->run_time);
}

struct failure *daemon_start(struct daemon *daemon, struct server_options *options,
                             struct listen_fd *fds, size_t n_fds)
{
    struct failure *failure;
    int r;

    daemon->parts.options = options;
    r = make_objects(daemon);
    if (r < 0) {
        return failure_from_errno(r, "cannot set up the event loop");
    }
    log_event(LOG_LEVEL_INFO, MSG_STARTED, NULL, "ovsdb-server (ovsdbd) %s", OVSDBD_VERSION);
    settings_log_warnings(options);
    daemon->run_time = run_time_new(&daemon->parts, fds, n_fds);
    reload_set_run_time(daemon->reload, daemon->run_time);
    command_registry_on_change(daemon->parts.registry, on_state_changed, daemon);
    failure = daemon_serve(daemon, fds, n_fds);
    if (!failure && options->run) {
        failure = start_command(daemon, options->run);
    }
    return failure;
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

// Syncs all commits and sends the output, for at most FLUSH_TIMEOUT. In a restart, hands over the
// clients in between.
static void flush_all(struct daemon *daemon)
{
    finish_turn(daemon); // the loop may have ended before the post source ran
    group_commit_drain(daemon->group_commit);
    group_commit_dispatch(daemon->group_commit);
    if (daemon->hands_over) {
        handover_give(&daemon->parts);
    }
    net_flush(daemon->parts.net, FLUSH_TIMEOUT);
}

static void unref_sources(struct daemon *daemon)
{
    sd_event_source **sources[] = {&daemon->turn, &daemon->again, &daemon->deadline,
                                   &daemon->synced, &daemon->compaction};

    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        *sources[i] = sd_event_source_disable_unref(*sources[i]);
    }
}

void daemon_stop(struct daemon *daemon)
{
    if (daemon->parts.net) {
        log_event(LOG_LEVEL_INFO, MSG_STOPPING, NULL, "stopping");
        databases_stop_adding(daemon->parts.databases);
        databases_finish_closing(daemon->parts.databases);
        flush_all(daemon);
        remotes_free(TAKE_PTR(daemon->parts.remotes));
        tls_settings_free(TAKE_PTR(daemon->parts.tls));
        sync_free(TAKE_PTR(daemon->parts.sync));
        relays_free(TAKE_PTR(daemon->parts.relays));
        clusters_free(TAKE_PTR(daemon->parts.clusters));
        upstreams_free(TAKE_PTR(daemon->parts.upstreams));
        net_free(TAKE_PTR(daemon->parts.net));
        databases_free(TAKE_PTR(daemon->parts.databases));
        server_free(TAKE_PTR(daemon->parts.server));
        group_commit_free(TAKE_PTR(daemon->group_commit));
    }
    unref_sources(daemon);
    statistics_free(TAKE_PTR(daemon->statistics));
    child_free(TAKE_PTR(daemon->child));
    // The control sockets are closed last: when the caller of "exit" sees its connection end, all
    // files are closed and another server may start.
    pidfile_remove();
    reload_free(TAKE_PTR(daemon->reload));
    control_free(TAKE_PTR(daemon->control));
    control_free(TAKE_PTR(daemon->passed_control));
    control_free(TAKE_PTR(daemon->metrics));
    command_registry_free(TAKE_PTR(daemon->parts.registry));
    run_time_free(TAKE_PTR(daemon->run_time));
    daemon->event = sd_event_unref(daemon->event);
    status_free(TAKE_PTR(daemon->status));
}
