// SPDX-License-Identifier: Apache-2.0
// What the command line and the configuration file say about active-backup replication. The source
// of the databases of the file, which all have the same, overrides --sync-from.
#pragma once

#include "daemon/databases/databases.h"
#include "daemon/options.h"

// The active server, or NULL.
const char *replication_options_source(const struct server_options *options);
// The options of the connection to it.
struct remote_options replication_options_of_source(const struct server_options *options);
// Whether the server starts as a backup of the source.
bool replication_options_is_backup(const struct server_options *options);
// Appends the tables that are not replicated, as "DB:TABLE,...". The databases of the options must
// be open.
void replication_options_put_excluded(const struct databases *databases,
                                      const struct server_options *options, struct buf *list);
