// SPDX-License-Identifier: Apache-2.0
// The running server: every layer's object, and the loop that drives them. The files of this
// folder:
//
//     start     main, options, configuration* (the file's forms), settings (makes both so, and
//     again
//               at a reload), startup (progress), confinement, child (--run)
//     loop      daemon, loop, client_sessions (connections to sessions), reclaim (gives memory back)
//     served    databases; remotes*, db_remotes, remote_report; tls_settings; db_column and
//               row_settings (what a database says of the server); identities, client_limits
//     others    sync (being a backup), handover and run_time* (to the next process)
//     asked     commands, audit, statistics, metrics, status, clients
//
// A turn of the loop: input is handled (sessions run transactions, whose commits issue tickets);
// then the post source lets the server wake what waits, and has the group commit sync what was issued; when
// the group commit's helper is done, the output that carries those tickets is released.
#pragma once

#include "control/control.h"
#include "daemon/admin/status.h"
#include "daemon/configuration/tls_settings.h"
#include "daemon/databases/databases.h"
#include "daemon/options.h"
#include "daemon/remotes/remotes.h"
#include "daemon/replication/sync.h"
#include "daemon/sessions/client_sessions.h"
#include "service/listen_fds.h"

struct daemon {
    struct server_options *options; // the caller's; a reload replaces what is in it
    sd_event *event;
    struct group_commit *group_commit;
    struct server *server;
    struct client_sessions client_sessions;
    struct net *net;
    struct databases *databases;
    struct tls_settings *tls;
    struct remotes *remotes;
    struct sync *sync;
    struct command_registry *registry;
    struct run_time *run_time;
    struct control *control;        // --unixctl
    struct control *passed_control; // from the service manager
    struct control *metrics;        // the same, for HTTP
    struct status status;           // last told to those who watch it
    struct child *child;
    sd_event_source *turn;     // after input
    sd_event_source *again;    // the server has more to do
    sd_event_source *deadline; // of the next waiting transaction
    sd_event_source *synced;   // the group commit has something to tell
    sd_event_source *compaction;
    sd_event_source *statistics;
    usec_t deadline_set;
    char *told;          // to the service manager, as STATUS=
    char *reload_error;  // of the last reload, or NULL
    bool hands_over;     // at the end, to the next process of the service
    unsigned n_samples;  // of the counters
    long logged_peak_kb; // the memory that the log has last told of
    int exit_status;
};

// Makes everything and starts serving. NULL, or what is wrong (caller frees); then daemon_stop() is
// to be called all the same. Takes over those of `fds` it uses (their fd becomes -1).
char *daemon_start(struct daemon *daemon, struct server_options *options, struct listen_fd *fds,
                   size_t n_fds);
// Until a signal, the command exit, or the end of the --run command. The exit status.
int daemon_run(struct daemon *daemon);
// Sends what may be sent, syncs and closes everything. For a half-started one too.
void daemon_stop(struct daemon *daemon);

// What SIGHUP and ovsdb-server/reload do. NULL, or what is wrong (caller frees).
char *daemon_reload(struct daemon *daemon);
void daemon_exit(struct daemon *daemon, int status);
