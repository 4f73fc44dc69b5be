// SPDX-License-Identifier: Apache-2.0
// Applies the command line and the configuration file to the parts of the server: at the start, and
// again when the configuration file is reloaded.
#pragma once

#include "daemon/parts.h"

struct run_time;

// At the start, in this order. Databases of the command line that a command had removed in the
// former process (`run_time`) are not opened.
struct failure *settings_open_databases(const struct parts *parts, const struct run_time *run_time,
                                        const struct server_options *options);
// `may_wait`: files that cannot be loaded are no failure; loading is tried again until it succeeds.
struct failure *settings_set_tls(const struct parts *parts, const struct server_options *options,
                                 bool may_wait);
struct failure *settings_start_sync(const struct parts *parts,
                                    const struct server_options *options);
// Sets the limits, and opens the remotes.
struct failure *settings_open_remotes(const struct parts *parts,
                                      const struct server_options *options);

// Logs the keys of the configuration file that were ignored.
void settings_log_warnings(const struct server_options *options);

// Reads the configuration file of parts->options again and applies what differs: databases,
// replication, TLS, limits, log levels, remotes. Does nothing if there is no file. If the file has
// an error, nothing changes. If a part cannot be applied (a database cannot be opened, for
// instance), the other parts still are. Databases are opened while the server runs; the options
// change and `done` is called when all are open, possibly in this call. It takes over
// `failure`, the first, or NULL. Must not be called while databases are being added: it changes the
// working directory for a moment.
typedef void settings_reloaded_function(void *userdata, struct failure *failure);
void settings_reload(const struct parts *parts, settings_reloaded_function *done, void *userdata);
