// SPDX-License-Identifier: Apache-2.0
// A summary of what the server is and serves: the command ovsdb-server/status, which varlink
// clients may watch, and the status line that the service manager shows. Faults come first: a
// read-only database, a failed write, a remote that cannot be opened, TLS, the log file.
#pragma once

struct command_registry;
struct failure;
struct parts;
struct status;

// `parts` must outlive it.
struct status *status_new(const struct parts *parts);
void status_free(struct status *status); // NULL allowed
void status_register_command(struct command_registry *registry, struct status *status);

// Sets why the last reload failed (copied); NULL: it did not.
void status_set_reload_failure(struct status *status, const struct failure *failure);
// Sends the status line to the service manager if it differs from the last one. Call it after a
// fault or a change by a command; other changes are sent every COUNTER_SAMPLE_INTERVAL. O(databases
// + remotes).
void status_send(struct status *status);
// Writes the status line, and some further numbers, to the log.
void status_log(const struct status *status);
// Notifies varlink clients that watch the status if it has changed. Call after every turn of the
// loop. O(1) if no client watches, else as status_send().
void status_notify_watchers(struct status *status);
