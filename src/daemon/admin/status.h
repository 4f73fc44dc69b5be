// SPDX-License-Identifier: Apache-2.0
// What the server is and serves right now, in a few words: the command ovsdb-server/status, which
// varlink clients may watch.
#pragma once

#include "control/command.h"

struct daemon;

struct status {
    bool is_backup;
    size_t n_databases;
    const char *failed;       // a database that is read-only; borrowed from databases.h
    const char *failure;      // why
    const char *full;         // one whose last write failed; the same
    int write_error;          // why, an errno value
    const char *recovered;    // one that was damaged when it was opened; the same
    const char *recovery;     // what was done
    const char *remote_error; // why a remote is not open, borrowed from remotes.h
    const char *tls_error;    // why there is no TLS, or not that of the database
    int log_error;            // why the log file is not open, an errno value
    size_t n_failed_remotes;
    size_t n_remotes, n_clients, n_monitors, n_waiting, n_locks;
    uint64_t n_transactions;
};

void status_take(const struct daemon *daemon, struct status *ret); // O(databases)
void status_register_command(struct command_registry *registry, struct daemon *daemon);
// Tells the service manager, if the text differs from what was told before. Call when something
// grave has changed; all else can wait for the next call, every few seconds.
void status_tell(struct daemon *daemon);
// Writes the same to the log, and a little more.
void status_log(const struct daemon *daemon);
// Tells those who watch if anything has changed. Call after every turn of the loop; free if nobody
// watches.
void status_check(struct daemon *daemon);
