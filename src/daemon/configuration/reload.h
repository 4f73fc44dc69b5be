// SPDX-License-Identifier: Apache-2.0
// Reloads for SIGHUP and for ovsdb-server/reload: the configuration file, the certificates and the
// log file.
#pragma once

struct command_call;
struct parts;
struct reload;
struct run_time;
struct status;

// The arguments must outlive it.
struct reload *reload_new(const struct parts *parts, struct status *status);
// No reload may run: databases_stop_adding() ends it. Answers calls whose reload has not begun.
// NULL allowed.
void reload_free(struct reload *reload);
// Sets what saves the changes of commands (daemon/handover/run_time.h) after a reload.
void reload_set_run_time(struct reload *reload, struct run_time *run_time);
// Starts a reload, now or when the running one and every add-db have ended. Answers `call`
// when the reload has ended; `call` is NULL for a signal. Logs the result.
void reload_request(struct reload *reload, struct command_call *call);
// Starts a requested reload if it can start now. Call after every turn of the loop. O(1).
void reload_run(struct reload *reload);
