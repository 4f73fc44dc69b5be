// SPDX-License-Identifier: Apache-2.0
// What the command line and the configuration file ask for, made so: at the start, and again when
// the file is read again.
#pragma once

#include "daemon/daemon.h"

// At the start, in this order; each returns NULL, or what is wrong (caller frees).
char *settings_open_databases(struct daemon *daemon, const struct server_options *options);
// `may_wait`: files that cannot be loaded are waited for.
char *settings_set_tls(struct daemon *daemon, const struct server_options *options, bool may_wait);
char *settings_start_sync(struct daemon *daemon, const struct server_options *options);
// Limits and remotes.
char *settings_open_remotes(struct daemon *daemon, const struct server_options *options);

// Logs what was ignored in the configuration file.
void settings_log_warnings(const struct server_options *options);

// What the options say of active-backup replication. The source: NULL if there is none.
const char *settings_source(const struct server_options *options);
struct remote_options settings_source_options(const struct server_options *options);
bool settings_is_backup(const struct server_options *options);
// Appends the excluded tables, "DB:TABLE,...". The databases of the options must be open.
void settings_put_excluded(const struct daemon *daemon, const struct server_options *options,
                           struct buf *list);

// Reads the configuration file of daemon->options again and makes a difference of what differs from
// them: databases, replication, TLS, limits, log levels, remotes. Nothing without a file. A file
// with an error changes nothing; what cannot be had in spite of it, a database for instance, leaves
// the rest as the file says. NULL, or what is wrong (caller frees).
char *settings_reload(struct daemon *daemon);
