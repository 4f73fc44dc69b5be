// SPDX-License-Identifier: Apache-2.0
// What the command line and the configuration file say about active-backup replication. The source
// of a database of the file overrides --sync-from.
#pragma once

#include "daemon/databases/databases.h"
#include "daemon/options.h"
#include "daemon/replication/sync.h"

// The settings of databases that are not of the file: --sync-from and --active. They borrow from
// `options`.
struct sync_settings replication_options_common(const struct server_options *options);
// The settings of the served database `name`.
struct sync_settings replication_options_of(const struct databases *databases,
                                            const struct server_options *options, const char *name);
// The configuration file, if it sets the role or the source of the served database `name` or, if
// that is NULL, of all; else NULL. Commands must not change them then.
const char *replication_options_owner(const struct databases *databases,
                                      const struct server_options *options, const char *name);
// Appends the tables that are not replicated, as "DB:TABLE,...". The databases of the options must
// be open.
void replication_options_put_excluded(const struct databases *databases,
                                      const struct server_options *options, struct buf *list);
