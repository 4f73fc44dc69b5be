// SPDX-License-Identifier: Apache-2.0
// The output gate: memory may run ahead of the disk, outputs may not (DESIGN "Commit log, tickets
// and the output gate"). One gate serves every commit log of a server. Each durable commit issues a
// ticket; what a client is sent afterwards carries the last ticket issued and leaves once it is
// synced. Many commits share one fdatasync, done on a helper thread.
//
//     commit -> gate_issue() ... end of the loop's turn -> gate_flush() -> helper: fdatasync
//            -> gate_fd() readable -> gate_dispatch() -> synced() -> net releases output
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gate;
struct store;

struct gate_handler {
    // Every ticket up to `ticket` is synced, those of failed stores aside.
    void (*synced)(void *userdata, uint64_t ticket);
    // A sync failed: final. The store is read-only from now on, and its tickets are never synced.
    // What waits for a ticket above gate_synced() may be the store's and must be dropped now:
    // synced() moves on for the others. `error` is an errno value.
    void (*failed)(void *userdata, struct store *store, int error);
};

// `handler` may be NULL: then syncs are done in-line by gate_flush(), without a thread (tools,
// tests).
struct gate *gate_new(const struct gate_handler *handler, void *userdata);
void gate_free(struct gate *gate); // the stores must be closed
// Readable when gate_dispatch() has something to do; -1 for an in-line gate.
int gate_fd(const struct gate *gate);
void gate_dispatch(struct gate *gate);
// Starts syncing what was issued, unless a sync is running (then it follows that one). O(dirty
// stores).
void gate_flush(struct gate *gate);
// Waits until everything issued is synced or failed. For shutdown.
void gate_drain(struct gate *gate);
uint64_t gate_issued(const struct gate *gate); // the newest ticket, 0 before the first
uint64_t gate_synced(const struct gate *gate);
// How often gate_flush() was called: a number for the current turn of the loop.
uint64_t gate_n_flushes(const struct gate *gate);
