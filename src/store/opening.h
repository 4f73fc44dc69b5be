// SPDX-License-Identifier: Apache-2.0
// Opens a database file on a helper thread while the engine thread serves other databases.
#pragma once

#include "store/store.h"

struct opening;

// Called once at the end, on the engine thread. Takes over `store`, which has joined the group
// commit, or `error`. The opening is freed afterwards. `is_damaged` as for store_open().
typedef void opening_done_function(void *userdata, struct store *store, struct ovsdb_error *error,
                                   bool is_damaged);

// Prepares to open a file as provision_open() does. Copies the strings. `schema_path` may be NULL.
struct opening *opening_new(const char *path, const char *schema_path, enum store_mode mode,
                            struct group_commit *group_commit, opening_done_function *done,
                            void *userdata);
// Starts the helper thread. group_commit_dispatch() calls done(); it may be called at once.
void opening_start(struct opening *opening);
bool opening_is_started(const struct opening *opening);
const char *opening_path(const struct opening *opening);
// Cancels the opening, waits for the helper thread and calls done() with an error, or with the
// store if it was open already.
void opening_stop(struct opening *opening);
// The number of steps that the work has taken so far: it rises as long as there is progress. While
// the helper works, it makes group_commit_fd() readable once a second.
uint64_t opening_n_steps(const struct opening *opening);
