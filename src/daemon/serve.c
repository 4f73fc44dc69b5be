// SPDX-License-Identifier: Apache-2.0
// The order of the start: databases, TLS, replication, sockets. State of the former process is
// restored between these steps, each part after what it depends on.
#include "control/control.h"
#include "daemon/configuration/settings.h"
#include "daemon/daemon.h"
#include "daemon/handover/clients.h"
#include "daemon/handover/run_time.h"

#include <string.h>

static struct failure *adopt_control(struct daemon *daemon, struct listen_fd *fd,
                                     enum control_kind kind, struct control **ret)
{
    struct failure *failure;

    if (*ret) {
        return failure_new(FAILURE_INVALID, "more than one socket called \"%s\" was passed",
                           fd->name);
    }
    failure = control_new_from_fd(daemon->event, daemon->parts.registry, kind, fd->fd, ret);
    if (!failure) {
        fd->fd = -1;
    }
    return failure;
}

// Takes over a socket from the service manager. Its name tells its purpose: "control", "metrics",
// "ssl" for a database socket with TLS, any other name for a database socket.
static struct failure *adopt_socket(struct daemon *daemon, struct listen_fd *fd)
{
    if (!strcmp(fd->name, "control")) {
        return adopt_control(daemon, fd, CONTROL_COMMANDS, &daemon->passed_control);
    }
    if (!strcmp(fd->name, "metrics")) {
        return adopt_control(daemon, fd, CONTROL_METRICS, &daemon->metrics);
    }
    return remotes_add_fd(daemon->parts.remotes, TAKE_FD(fd->fd), !strcmp(fd->name, "ssl"));
}

static struct failure *open_sockets(struct daemon *daemon, struct listen_fd *fds, size_t n_fds)
{
    const struct server_options *options = daemon->parts.options;
    _cleanup_free_ char *path = NULL;
    struct failure *failure = NULL;

    for (size_t i = 0; i < n_fds && !failure; i++) {
        if (fds[i].fd >= 0) {
            failure = adopt_socket(daemon, &fds[i]);
        }
    }
    if (!failure) {
        failure = settings_open_remotes(&daemon->parts, options);
    }
    if (!failure) {
        run_time_restore_added_remotes(daemon->run_time);
        remotes_follow(daemon->parts.remotes); // opens those that databases name before READY=1
    }
    path = service_options_control_path(&options->service, "ovsdb-server");
    if (!failure && path) {
        failure = control_new(daemon->event, daemon->parts.registry, path, &daemon->control);
    }
    return failure;
}

// Handed-over connections are taken only when the databases are open: if a database cannot be
// opened, they are kept for the next attempt.
struct failure *daemon_serve(struct daemon *daemon, struct listen_fd *fds, size_t n_fds)
{
    const struct server_options *options = daemon->parts.options;
    _cleanup_handover_ struct handover *handover = NULL;
    struct failure *failure = settings_open_databases(&daemon->parts, daemon->run_time, options);

    if (!failure) {
        run_time_restore_databases(daemon->run_time);
        handover = handover_take(fds, n_fds);
        handover_restore_databases(handover, &daemon->parts);
        failure = settings_set_tls(&daemon->parts, options, true);
    }
    if (!failure) {
        failure = settings_start_sync(&daemon->parts, options);
    }
    if (!failure) {
        run_time_restore_settings(daemon->run_time);
        run_time_restore_removed_remotes(daemon->run_time);
        handover_offer_listeners(handover, daemon->parts.net);
        failure = open_sockets(daemon, fds, n_fds);
    }
    if (!failure) {
        handover_continue(handover, &daemon->parts);
    }
    return failure;
}
