// SPDX-License-Identifier: Apache-2.0
// The group commit: memory may run ahead of the disk, outputs may not (DESIGN "Commit log, tickets
// and the group commit"). One group commit serves every commit log of a server. Each durable commit issues a
// ticket; what a client is sent afterwards carries the last ticket issued and leaves once it is
// synced. Many commits share one fdatasync, done on a helper thread.
//
//     commit -> group_commit_issue() ... end of the loop's turn -> group_commit_flush() -> helper: fdatasync
//            -> group_commit_fd() readable -> group_commit_dispatch() -> synced() -> net releases output
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct group_commit;
struct store;

struct group_commit_handler {
    // Every ticket up to `ticket` is synced, those of failed stores aside.
    void (*synced)(void *userdata, uint64_t ticket);
    // A sync failed: final. The store is read-only from now on, and its tickets are never synced.
    // What waits for a ticket above group_commit_synced() may be the store's and must be dropped now:
    // synced() moves on for the others. `error` is an errno value.
    void (*failed)(void *userdata, struct store *store, int error);
};

// `handler` may be NULL: then syncs are done in-line by group_commit_flush(), without a thread (tools,
// tests).
struct group_commit *group_commit_new(const struct group_commit_handler *handler, void *userdata);
void group_commit_free(struct group_commit *group_commit); // the stores must be closed
// Readable when group_commit_dispatch() has something to do; -1 for an in-line group commit.
int group_commit_fd(const struct group_commit *group_commit);
void group_commit_dispatch(struct group_commit *group_commit);
// Starts syncing what was issued, unless a sync is running (then it follows that one). O(dirty
// stores).
void group_commit_flush(struct group_commit *group_commit);
// Waits until everything issued is synced or failed. For shutdown.
void group_commit_drain(struct group_commit *group_commit);
uint64_t group_commit_issued(
    const struct group_commit *group_commit); // the newest ticket, 0 before the first
uint64_t group_commit_synced(const struct group_commit *group_commit);
// How often group_commit_flush() was called: a number for the current turn of the loop.
uint64_t group_commit_n_flushes(const struct group_commit *group_commit);
