// SPDX-License-Identifier: Apache-2.0
// The database files this server has open, each known by its schema's name.
#pragma once

#include "session/server.h"
#include "store/store.h"

#include <stdbool.h>

struct databases;

// Told of every change of what is served, in order of registration: `new` is served from now on in
// the place of `old`. Added: `old` is NULL. Removed: `new` is NULL. Converted: both, and their
// schemas differ. `old` is still there, but only for this call; it changes no more. What comes in
// between here and the clients' next requests are the transactions that waited.
struct databases_observer {
    void (*changed)(struct databases_observer *observer, struct db *old, struct db *new);
    struct list node;
};

struct databases *databases_new(struct server *server, struct group_commit *group_commit);
void databases_free(struct databases *databases); // closes all

// It must be removed before `databases` is freed. Not from within changed().
void databases_on_change(struct databases *databases, struct databases_observer *observer);
void databases_observer_remove(struct databases_observer *observer);

// True for the argument relay:DB:SOURCES, which names no file.
bool databases_is_relay(const char *argument);
// Opens a file and serves it. With a `schema`, a file, it is made if it is missing and converted if
// its schema is older (store/provision.h). With `recover_damaged` a damaged file is cut to its
// whole prefix (STORE_RECOVER); otherwise damage is an error. NULL, or what is wrong (caller
// frees).
char *databases_add(struct databases *databases, const char *path, const char *schema,
                    bool recover_damaged);
// False if there is none of this name.
bool databases_remove(struct databases *databases, const char *name);
// The name of the database in the file `path`, however it is written; NULL if it is not served.
const char *databases_name_of(const struct databases *databases, const char *path);
struct store *databases_find(const struct databases *databases, const char *name);
// In order of name: start with *state = 0, call until NULL.
struct store *databases_next(const struct databases *databases, size_t *state,
                             const char **ret_name);

// Compacts one, beside other work. `done` is called once with NULL or what is wrong; perhaps in
// this call, and at the latest when the database is closed. NULL: what is wrong is logged.
void databases_compact(struct databases *databases, struct store *store,
                       void (*done)(void *userdata, const char *error), void *userdata);
// Starts compacting those that have grown enough.
void databases_compact_if_due(struct databases *databases, usec_t now);
// Does a bounded step of long work. True: call again soon.
bool databases_run(struct databases *databases);
// Whether records hold differences, as at first: store_set_column_diff() for all, those added later
// too.
void databases_set_column_diff(struct databases *databases, bool on);
bool databases_column_diff(const struct databases *databases);
// Whether to give memory back to the system after compaction.
void databases_set_trim(struct databases *databases, bool trim);
bool databases_trim(const struct databases *databases);
