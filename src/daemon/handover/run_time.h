// SPDX-License-Identifier: Apache-2.0
// Keeps what control commands have changed for the next process of the same server: the process
// that --monitor or the service manager starts after a crash, or that the service manager starts in
// a restart. It is JSON text in a memory file that one of these holds (service/crash_state.h):
//
//     {"remotes": {"added": [TARGET, ...], "removed": [TARGET, ...]},
//      "databases": {"added": [FILE, ...], "removed": [FILE, ...]},
//      "settings": {NAME: [CONFIGURED, VALUE], ...}}
//
// The text is written before a command is replied to. It is removed when the server ends by the
// command "exit" or by SIGINT, and when the service is stopped: the next start then follows the
// command line and the configuration file alone. CONFIGURED is the value from these. A setting is
// restored only if CONFIGURED is still the same; otherwise the configuration has changed, and wins.
#pragma once

#include "service/listen_fds.h"

#include "json/tree.h"

#include <stdbool.h>
#include <stddef.h>

struct parts;
struct run_time;

// Takes over the memory file of the former process, from --monitor or from `fds` (whose fd becomes
// -1). `parts` must outlive it.
struct run_time *run_time_new(const struct parts *parts, struct listen_fd *fds, size_t n_fds);
void run_time_free(struct run_time *run_time); // NULL allowed

// Whether the former process did not serve this database of the configuration.
bool run_time_has_removed_database(const struct run_time *run_time, const char *file);
// These restore what the former process had. Databases, settings and added remotes are restored
// after the configuration's have been applied, removed remotes before. Failures are logged.
void run_time_restore_databases(struct run_time *run_time);
void run_time_restore_settings(struct run_time *run_time);
void run_time_restore_removed_remotes(struct run_time *run_time);
void run_time_restore_added_remotes(struct run_time *run_time);

// Writes the current state. Call it after a command and before its reply.
void run_time_save(struct run_time *run_time);
// The same after another change (a reload), if something was saved before.
void run_time_save_again(struct run_time *run_time);
// Removes the text, so that the next process follows the configuration alone.
void run_time_forget(struct run_time *run_time);

// Parses text of the form above. NULL if it has another form. VALUE and CONFIGURED are not checked.
// The caller owns the reference.
json_t *run_time_parse(struct slice text);
