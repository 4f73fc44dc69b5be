// SPDX-License-Identifier: Apache-2.0
// The databases that this server serves: standalone files, clustered databases, and the copies of
// relays. A database is identified by the name of its schema.
#pragma once

#include "basic/failure.h"
#include "session/server.h"
#include "store/store.h"

#include <stdbool.h>

struct databases;

// `changed` is called, in order of registration, when a database is added (`old` is NULL), removed
// (`new` is NULL) or converted (both are set, and their schemas differ). `new` is served from now
// on. `old` is valid during the call only and does not change any more. After a conversion the
// observers are called before the waiting transactions run on `new`.
struct databases_observer {
    void (*changed)(struct databases_observer *observer, struct db *old, struct db *new);
    struct list node;
};

struct databases *databases_new(struct server *server, struct group_commit *group_commit);
void databases_free(struct databases *databases); // stops adding and closes all

// For helper threads that belong to the databases.
struct group_commit *databases_group_commit(const struct databases *databases);

// Registers an observer. It must be removed before `databases` is freed, and not from changed().
void databases_on_change(struct databases *databases, struct databases_observer *observer);
void databases_observer_remove(struct databases_observer *observer);

// Whether a command line argument is "relay:DB:SOURCES", which names no file.
bool databases_is_relay(const char *argument);
// Sets the function with which databases_add() adds a relay.
void databases_on_add_relay(struct databases *databases,
                            struct failure *(*add)(void *userdata, const char *argument),
                            void *userdata);
// How clustered databases are added and converted.
struct databases_cluster_functions {
    // Serves the clustered database in the file `path` with databases_add_copy().
    struct failure *(*add)(void *userdata, const char *path);
    // Begins the conversion of a clustered database; databases_converted_copy() or
    // server_converted() ends it, not from within this call.
    void (*convert)(void *userdata, struct db *db, struct schema *schema);
    void *userdata;
};
// Without this, clustered files are refused.
void databases_set_cluster_functions(struct databases *databases,
                                     const struct databases_cluster_functions *functions);

// Serves a database that has no store, with the role ROLE_RELAY or ROLE_CLUSTERED, and takes over
// `db`. `argument` is "relay:DB:SOURCE" or the path of a clustered database; databases_name_of()
// returns the name for it. False if a database of this name is served already.
bool databases_add_copy(struct databases *databases, struct db *db, const char *argument,
                        enum db_role role);
// Serves `new` instead of the copy of the same name, as after a conversion, and takes it over.
void databases_replace_copy(struct databases *databases, struct db *new);
// The same at the end of a conversion that a client asked for.
void databases_converted_copy(struct databases *databases, struct db *new);
// A schema without tables, for a copy whose schema is not known yet. NULL: `name` is no name.
struct schema *databases_empty_schema(const char *name);
// Opens the database file `path` and serves it. `schema`: a schema file with which a missing
// database is created and an older one converted (store/provision.h); NULL: the file must exist.
// A relay ("relay:DB:SOURCES") and a clustered file are added too, without `schema`: with one, a
// clustered file is a FAILURE_INVALID.
// With `recover_damaged` a damaged file is cut to its whole prefix (STORE_RECOVER); otherwise
// damage is a FAILURE_DAMAGED. For the start: O(file), reports to startup_progress().
struct failure *databases_add(struct databases *databases, const char *path, const char *schema,
                              bool recover_damaged);
// The same while other databases are served: a helper thread opens the file. `done` is called once,
// possibly in this call; it takes over `failure`, NULL for success.
typedef void databases_added_function(void *userdata, struct failure *failure);
void databases_start_add(struct databases *databases, const char *path, const char *schema,
                         bool recover_damaged, databases_added_function *done, void *userdata);
bool databases_is_adding(const struct databases *databases); // `done` of such a call is pending
// Cancels such calls and waits for their helper threads: `done` gets the errno ECANCELED.
void databases_stop_adding(struct databases *databases);
// Stops serving a database. Its file is synced on a helper thread and then closed; `done`, unless
// it is NULL, is called after that, possibly in this call. False if there is none of this name.
typedef void databases_closed_function(void *userdata);
bool databases_remove(struct databases *databases, const char *name,
                      databases_closed_function *done, void *userdata);
// Waits until the files of removed databases are closed.
void databases_finish_closing(struct databases *databases);
// The name of the database in the file to which `path` leads, or of the relay with this argument;
// NULL if it is not served.
const char *databases_name_of(const struct databases *databases, const char *path);
struct db *databases_find_db(const struct databases *databases, const char *name);
// True if the database is a relay whose schema is not known yet.
bool databases_waits_for_schema(const struct databases *databases, const char *name);
// The store of the database; NULL if there is none of this name, or if it has no file.
struct store *databases_find(const struct databases *databases, const char *name);
// Iterates in order of name: start with *state = 0, call until it returns NULL. All databases:
struct db *databases_next_db(const struct databases *databases, size_t *state,
                             const char **ret_name);
// Those with a store:
struct store *databases_next(const struct databases *databases, size_t *state,
                             const char **ret_name);
// The arguments of those without, as of databases_add_copy():
const char *databases_next_copy(const struct databases *databases, size_t *state);

// Compacts a database in the background. `done` is called once, possibly in this call, and at
// the latest when the database is closed; it takes over `failure`, NULL for success. If `done` is
// NULL, a failure is logged.
void databases_compact(struct databases *databases, struct store *store,
                       void (*done)(void *userdata, struct failure *failure), void *userdata);
// Starts the compaction of databases that have grown enough (store_wants_compaction()).
void databases_compact_if_due(struct databases *databases, usec_t now);
// Runs a bounded part of compactions, conversions and freeing memory. True: call again soon.
bool databases_run(struct databases *databases);
// Sets whether records hold differences (store_set_column_diff()), for all present and future
// databases. Initially on.
void databases_set_column_diff(struct databases *databases, bool on);
bool databases_column_diff(const struct databases *databases);
// Sets whether a compaction returns free memory to the system. Initially off.
void databases_set_trim(struct databases *databases, bool trim);
bool databases_trim(const struct databases *databases);
