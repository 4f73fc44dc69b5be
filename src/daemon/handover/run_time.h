// SPDX-License-Identifier: Apache-2.0
// What control commands have changed, for the next process of the same server: the one that
// --monitor or the service manager starts after a crash, or that the service manager starts in a
// restart. It is JSON text in memory that they hold (service/crash_state.h):
//
//     {"remotes": {"added": [TARGET, ...], "removed": [TARGET, ...]},
//      "databases": {"added": [FILE, ...], "removed": [FILE, ...]},
//      "settings": {NAME: [CONFIGURED, VALUE], ...}}
//
// The text is written before a command is answered. A server that ends by the command "exit" or by
// SIGINT forgets it, and the service manager does when the service is stopped: then the next start
// is as the command line and the configuration file say. A setting is restored only if CONFIGURED
// is what they still say of it; otherwise the change in the configuration counts.
#pragma once

#include "service/listen_fds.h"

#include "json/tree.h"

#include <stdbool.h>
#include <stddef.h>

struct daemon;
struct run_time;

// Takes over the memory of the former process, from --monitor or from `fds` (whose fd becomes -1).
struct run_time *run_time_new(struct daemon *daemon, struct listen_fd *fds, size_t n_fds);
void run_time_free(struct run_time *run_time); // NULL allowed

// Whether the former process did not serve this database of the configuration.
bool run_time_has_removed_database(const struct run_time *run_time, const char *file);
// These restore what the former process had, each after the configuration has been applied, but the
// removed remotes before. What cannot be restored is logged.
void run_time_restore_databases(struct run_time *run_time);
void run_time_restore_settings(struct run_time *run_time);
void run_time_restore_removed_remotes(struct run_time *run_time);
void run_time_restore_added_remotes(struct run_time *run_time);

// Writes what is the case now, after a command.
void run_time_save(struct run_time *run_time);
// The same after a change by something else, if a command has run before.
void run_time_save_again(struct run_time *run_time);
// The next process starts as the configuration says.
void run_time_forget(struct run_time *run_time);

// The text as a tree of the form above, or NULL if it is something else. VALUE and CONFIGURED are
// not checked.
json_t *run_time_parse(struct slice text);
