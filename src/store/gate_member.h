// SPDX-License-Identifier: Apache-2.0
// The stores' side of the gate.
#pragma once

#include "basic/list.h"
#include "store/gate.h"

struct gate_member {
    struct gate *gate;
    struct store *store;
    int fd;           // what is synced
    int twin_fd;      // synced together with it, or -1
    struct list node; // among the gate's dirty members
    bool is_syncing;  // in the running batch
    int error;        // of the failed sync, negative errno; final
    // After a sync that went well, on the engine thread: 0, or the negative errno that makes it a
    // failed one. NULL: always 0.
    int (*synced)(struct gate_member *member);
    // A sync failed; called before the gate's handler.
    void (*failed)(struct gate_member *member, int error);
};

void gate_member_init(struct gate_member *member, struct gate *gate, struct store *store, int fd,
                      int (*synced)(struct gate_member *member),
                      void (*failed)(struct gate_member *member, int error));
// A ticket for what was just written to the member's file. O(1).
uint64_t gate_issue(struct gate_member *member);
// Syncs the member in the next batch, without a ticket, so that synced() is called. O(1).
void gate_member_check(struct gate_member *member);
// Waits for the running sync if it includes this member. Returns 0, or the negative errno of the
// member's failed sync, which gate_dispatch() may still have to report.
int gate_member_wait(struct gate_member *member);
// Everything issued so far is synced by other means.
void gate_member_synced(struct gate_member *member);
// Closes a file that was `fd` or `twin_fd` until now, as soon as no running sync uses it, on a
// helper thread.
void gate_member_close(struct gate_member *member, int fd);
// Waits as above; afterwards the gate does not know the member any more. What it has issued counts
// as synced.
void gate_member_leave(struct gate_member *member);

// Has the engine thread call gate_dispatch(). Any thread.
void gate_wake(struct gate *gate);
// The jobs that run, see job.h.
struct list *gate_jobs(struct gate *gate);
