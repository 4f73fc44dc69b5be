// SPDX-License-Identifier: Apache-2.0
// Active-backup replication: which databases are backups, and of which sources. Each database has
// settings of its own. A database that is added later gets the common settings.
//
// A function with an argument `db` concerns the database of this name or, if it is NULL, the common
// settings and all databases.
#pragma once

#include "daemon/databases/databases.h"
#include "net/net.h"
#include "replication/exclude.h"
#include "replication/source.h"

struct sync;
struct upstreams;

struct sync_settings {
    const char *source; // the list of the active server's remotes, or NULL
    struct remote_options options;
    bool is_backup; // of `source`
    bool is_strict; // see replica_set_strict()
};
#define SYNC_SETTINGS_DEFAULT ((struct sync_settings){.options = REMOTE_OPTIONS_DEFAULT})

// All databases are active and without source at first.
struct sync *sync_new(struct server *server, struct databases *databases,
                      struct upstreams *upstreams);
void sync_free(struct sync *sync); // NULL allowed

// Sets the configuration file that owns the common settings or those of a database: commands then
// refuse to change them. NULL: none.
void sync_set_owner(struct sync *sync, const char *db, const char *file);
// The file that owns the settings of `db`, or if that is NULL any settings; or NULL.
const char *sync_owner(const struct sync *sync, const char *db);

// With several databases the functions that change something go on after a failure, and return the
// first.
//
// Sets the options of the connection to the source. An open connection stays open, unless databases
// that keep other options share it.
void sync_set_options(struct sync *sync, const char *db, const struct remote_options *options);
void sync_set_probe_interval(struct sync *sync, const char *db, uint64_t ms);
// Sets the source. Backups connect to it. A failure of the connection is only logged.
struct failure *sync_set_source(struct sync *sync, const char *db, const char *source);
// Sets the tables that are not replicated, as "DB:TABLE,...": all, or those of one database.
struct failure *sync_set_exclude(struct sync *sync, const char *db, const char *tables);
// Sets whether differences between the schemas are refused.
void sync_set_strict(struct sync *sync, const char *db, bool is_strict);
// Makes databases backups of their sources. Of all databases, those that have none stay active.
struct failure *sync_connect(struct sync *sync, const char *db);
// Makes databases active.
void sync_disconnect(struct sync *sync, const char *db);
// Sets the common settings, for databases that are added later only.
void sync_set_common(struct sync *sync, const struct sync_settings *settings);
// Sets all settings of a database.
struct failure *sync_apply(struct sync *sync, const char *db, const struct sync_settings *settings);

// `db` must exist, or be NULL: then the common settings.
struct sync_settings sync_settings(const struct sync *sync, const char *db);
const struct exclude *sync_exclude(const struct sync *sync);
bool sync_has(const struct sync *sync, const char *db);
// The database after `db`, in order of name; NULL: the first. NULL if there is none.
const char *sync_next(const struct sync *sync, const char *db);

struct sync_state {
    bool is_replicating;
    const char *remote; // of the source: the one that is connected or being dialed, or NULL
    const char *error;  // why it is not replicating, or NULL
};
// Valid until the next turn of the loop.
struct sync_state sync_state(const struct sync *sync, const char *db);

// Calls `done` when a backup has applied what its source had committed before this call, or when
// the connection has ended (with NULL). False, and has no effect, if it is not replicating.
bool sync_catch_up(const struct sync *sync, const char *db, source_done *done, void *userdata);

// How many of the databases are backups, and how many of these are replicating.
void sync_count(const struct sync *sync, size_t *ret_backups, size_t *ret_replicating);
enum sync_role { SYNC_ACTIVE, SYNC_BACKUP, SYNC_MIXED };
// What all databases are, or if there are none the common setting.
enum sync_role sync_role(const struct sync *sync);
const char *sync_role_name(enum sync_role role); // "active", "backup" or "mixed"
