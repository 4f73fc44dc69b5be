// SPDX-License-Identifier: Apache-2.0
// The stores' side of the group commit.
#pragma once

#include "basic/list.h"
#include "store/group_commit.h"

struct group_commit_member {
    struct group_commit *group_commit;
    struct store *store;
    int fd;           // what is synced
    int twin_fd;      // synced together with it, or -1
    struct list node; // among the group commit's dirty members
    bool is_syncing;  // in the running batch
    int error;        // of the failed sync, negative errno; final
    // After a sync that went well, on the engine thread: 0, or the negative errno that makes it a
    // failed one. NULL: always 0.
    int (*synced)(struct group_commit_member *member);
    // A sync failed; called before the group commit's handler.
    void (*failed)(struct group_commit_member *member, int error);
};

void group_commit_member_init(struct group_commit_member *member, struct group_commit *group_commit,
                              struct store *store, int fd,
                              int (*synced)(struct group_commit_member *member),
                              void (*failed)(struct group_commit_member *member, int error));
// A ticket for what was just written to the member's file. O(1).
uint64_t group_commit_issue(struct group_commit_member *member);
// Syncs the member in the next batch, without a ticket, so that synced() is called. O(1).
void group_commit_member_check(struct group_commit_member *member);
// Waits for the running sync if it includes this member. Returns 0, or the negative errno of the
// member's failed sync, which group_commit_dispatch() may still have to report.
int group_commit_member_wait(struct group_commit_member *member);
// Everything issued so far is synced by other means.
void group_commit_member_synced(struct group_commit_member *member);
// Closes a file that was `fd` or `twin_fd` until now, as soon as no running sync uses it, on a
// helper thread.
void group_commit_member_close(struct group_commit_member *member, int fd);
// Waits as above; afterwards the group commit does not know the member any more. What it has issued counts
// as synced.
void group_commit_member_leave(struct group_commit_member *member);

// Has the engine thread call group_commit_dispatch(). Any thread.
void group_commit_wake(struct group_commit *group_commit);
// The jobs that run, see job.h.
struct list *group_commit_jobs(struct group_commit *group_commit);
