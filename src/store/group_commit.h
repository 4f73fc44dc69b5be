// SPDX-License-Identifier: Apache-2.0
// Group commit: the memory of the server may be ahead of the disk, its outputs may not (I-6). One
// group commit serves all stores of a server. Each durable commit issues a ticket. All output after
// it carries the last ticket issued, and is sent when this ticket is synced. Many commits share one
// fdatasync, which runs on a helper thread.
//
//     commit -> group_commit_issue()
//     end of the turn of the event loop -> group_commit_flush() -> helper thread: fdatasync
//     group_commit_fd() becomes readable -> group_commit_dispatch() -> synced() -> output is sent
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct group_commit;
struct store;

struct group_commit_handler {
    // Every ticket up to `ticket` is synced, except tickets of failed stores.
    void (*synced)(void *userdata, uint64_t ticket);
    // A sync of the store has failed. The store is read-only from now on, and its tickets will
    // never be synced. Output that waits for a ticket above group_commit_synced() may show its
    // commits and must be dropped now, because synced() advances for the other stores. `error` is
    // an errno value.
    void (*failed)(void *userdata, struct store *store, int error);
};

// With a `handler` of NULL the group commit is in-line: group_commit_flush() syncs itself, without
// a thread (tools, tests).
struct group_commit *group_commit_new(const struct group_commit_handler *handler, void *userdata);
// All stores must be closed. NULL allowed.
void group_commit_free(struct group_commit *group_commit);
// Becomes readable when group_commit_dispatch() has something to do; -1 for an in-line group
// commit.
int group_commit_fd(const struct group_commit *group_commit);
void group_commit_dispatch(struct group_commit *group_commit);
// Starts to sync all stores with unsynced tickets. If a sync is running, theirs starts when it
// ends. O(stores with unsynced tickets).
void group_commit_flush(struct group_commit *group_commit);
// Waits until all tickets issued are synced or have failed. For shutdown.
void group_commit_drain(struct group_commit *group_commit);
// The last ticket issued; 0 before the first.
uint64_t group_commit_issued(const struct group_commit *group_commit);
// The last ticket synced.
uint64_t group_commit_synced(const struct group_commit *group_commit);
// The number of calls of group_commit_flush(), which identifies the current turn of the event loop.
uint64_t group_commit_n_flushes(const struct group_commit *group_commit);
