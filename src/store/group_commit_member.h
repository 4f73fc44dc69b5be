// SPDX-License-Identifier: Apache-2.0
// The interface of the group commit for stores: a member is the file of one store.
#pragma once

#include "basic/list.h"
#include "store/group_commit.h"

struct group_commit_member {
    struct group_commit *group_commit;
    struct store *store;
    int fd;           // the file that is synced
    int twin_fd;      // another file that is synced together with it, or -1
    struct list node; // in the group commit's list of dirty members
    bool is_syncing;  // the member is in the running batch
    int error;        // negative errno of the failed sync; never cleared
    // Called on the engine thread after a successful sync. Returns 0, or a negative errno that
    // makes it a failed sync. NULL allowed.
    int (*synced)(struct group_commit_member *member);
    // Called when a sync has failed, before failed() of the group commit's handler.
    void (*failed)(struct group_commit_member *member, int error);
};

void group_commit_member_init(struct group_commit_member *member, struct group_commit *group_commit,
                              struct store *store, int fd,
                              int (*synced)(struct group_commit_member *member),
                              void (*failed)(struct group_commit_member *member, int error));
// Issues a ticket for the record that was just written to the member's file. O(1).
uint64_t group_commit_issue(struct group_commit_member *member);
// Puts the member into the next batch without a ticket, so that synced() is called. O(1).
void group_commit_member_check(struct group_commit_member *member);
// If the running batch includes this member, waits for its end. Returns 0, or the negative errno of
// the member's failed sync; group_commit_dispatch() may not have reported it yet.
int group_commit_member_wait(struct group_commit_member *member);
// The caller has synced all tickets of this member itself.
void group_commit_member_synced(struct group_commit_member *member);
// Closes a former `fd` or `twin_fd` on a helper thread, when the running batch does not use it any
// more. Takes ownership of `fd`.
void group_commit_member_close(struct group_commit_member *member, int fd);
// Removes the member from the group commit, after group_commit_member_wait(). Its tickets count as
// synced.
void group_commit_member_leave(struct group_commit_member *member);

// Makes group_commit_fd() readable. Any thread.
void group_commit_wake(struct group_commit *group_commit);
// The list of running jobs, see job.h.
struct list *group_commit_jobs(struct group_commit *group_commit);
