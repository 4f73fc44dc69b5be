// SPDX-License-Identifier: Apache-2.0
// The running server: the objects of every layer, and the event loop that drives them.
//
//     main, options         the process and its command line
//     startup, serve        progress of the start; its order
//     loop, child           the event loop; the command of --run
//     configuration/        the configuration file, and applying it at start and reload
//     databases/            the open database files; columns that hold settings of this server
//     remotes/              what the server listens on and connects to
//     sessions/             connections become sessions; which rights a client has
//     replication/          the server as backup of another one
//     handover/             clients and settings pass to the next process
//     admin/                control commands, status line, statistics, metrics
//
// A turn of the loop: events are handled (sessions run transactions, whose commits get
// positions in the commit logs of their databases); then the post event source runs waiting
// transactions and updates, and lets the group commit sync what was committed. When a helper thread
// of the group commit has synced a log, the output that waits for its positions is sent.
#pragma once

#include "daemon/admin/commands.h"
#include "daemon/parts.h"
#include "daemon/sessions/client_sessions.h"
#include "service/listen_fds.h"

#include <systemd/sd-event.h>

struct daemon {
    struct parts parts;
    sd_event *event;
    struct group_commit *group_commit;
    struct client_sessions client_sessions;
    struct run_time *run_time;
    struct status *status;
    struct reload *reload;
    struct statistics *statistics;
    struct admin admin;
    struct control *control;        // --unixctl
    struct control *passed_control; // a socket from the service manager
    struct control *metrics;        // the same, for HTTP
    struct child *child;            // --run
    sd_event_source *turn;          // post source: runs after every batch of events
    sd_event_source *again;         // enabled while bounded steps have left work
    sd_event_source *deadline;      // of the next timeout that a layer waits for
    sd_event_source *synced;        // group_commit_fd()
    sd_event_source *compaction;    // the periodic check
    usec_t deadline_set;            // to which `deadline` is set; USEC_INFINITY: off
    bool hands_over;                // clients pass to the next process at the end
    int exit_status;
};

// Creates everything and starts serving. daemon_stop() must be called after a failure, too. Takes
// over the descriptors of `fds` that it uses: their `fd` becomes -1.
struct failure *daemon_start(struct daemon *daemon, struct server_options *options,
                             struct listen_fd *fds, size_t n_fds);
// Runs until a signal, the command "exit" or the end of the --run command. Returns the exit status.
int daemon_run(struct daemon *daemon);
// Sends output that may be sent, syncs and closes everything. Also for a start that failed halfway.
void daemon_stop(struct daemon *daemon);

// For daemon.c only, in serve.c: opens the databases and the sockets of a daemon whose objects
// exist. Starts serving as parts.options say, and resumes handed-over connections if there are any.
// Takes over the descriptors of `fds` that it uses: their `fd` becomes -1.
struct failure *daemon_serve(struct daemon *daemon, struct listen_fd *fds, size_t n_fds);
