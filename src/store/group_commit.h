// SPDX-License-Identifier: Apache-2.0
// Group commit: the memory of the server may be ahead of the disk, its outputs may not (I-6). One
// group commit serves all stores of a server, and the files of clustered databases, which have a
// handler of their own (cluster_log.h). Each store has positions of its own
// (engine/commit_log.h); the group commit makes them durable, or lost. The commits of a store that
// arrive during its sync share the next one. Stores are synced independently of each other, on
// helper threads, so a slow or failed disk delays only the stores on it.
//
//     commit -> group_commit_issue()
//     end of the turn of the event loop -> group_commit_flush() -> helper thread: fdatasync
//     group_commit_fd() becomes readable -> group_commit_dispatch() -> positions_advance()
//                                                                   -> output is sent
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct group_commit;
struct store;

// A sync of the store has failed. The store is read-only from now on, and its positions are lost.
// `error` is an errno value.
typedef void group_commit_failed(void *userdata, struct store *store, int error);

// If `failed` is NULL the group commit is in-line: group_commit_flush() syncs itself, without a
// thread (tools, tests).
struct group_commit *group_commit_new(group_commit_failed *failed, void *userdata);
// All stores must be closed. NULL allowed.
void group_commit_free(struct group_commit *group_commit);
// Becomes readable when group_commit_dispatch() has something to do; -1 for an in-line group
// commit.
int group_commit_fd(const struct group_commit *group_commit);
void group_commit_dispatch(struct group_commit *group_commit);
// Starts to sync all stores with positions that are not durable. If a store is being synced, its
// next sync starts when this one ends. O(stores with such positions).
void group_commit_flush(struct group_commit *group_commit);
// Waits until all positions are durable or lost. For shutdown.
void group_commit_drain(struct group_commit *group_commit);
// The number of calls of group_commit_flush(), which identifies the current turn of the event loop.
uint64_t group_commit_n_flushes(const struct group_commit *group_commit);
