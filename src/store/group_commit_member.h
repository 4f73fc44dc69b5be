// SPDX-License-Identifier: Apache-2.0
// The interface of the group commit for stores and for the files of clustered databases: a member
// is one file.
#pragma once

#include "basic/clock.h"
#include "basic/list.h"
#include "basic/positions.h"
#include "store/group_commit.h"
#include "store/sync_threads.h"

struct group_commit_member {
    struct group_commit *group_commit;
    struct store *store;         // NULL: the member is no store; only failed() tells of a failure
    struct positions *positions; // of what was written to the file
    int fd;                      // the file that is synced
    int twin_fd;                 // another file that is synced together with it, or -1
    struct list node;            // in the group commit's list of dirty members
    int error;                   // negative errno of the failed sync; never cleared
    // The running sync.
    bool is_syncing;
    bool closes_fd, closes_twin_fd; // at its end, sync.fd and sync.twin_fd are to be closed
    struct sync sync;
    usec_t sync_start;
    uint64_t sync_position; // up to this position it makes commits durable
    // Called on the engine thread after a successful sync. Returns 0, or a negative errno that
    // makes it a failed sync. NULL allowed.
    int (*synced)(struct group_commit_member *member);
    // Called when a sync has failed, before positions_lose() and failed() of the group commit.
    void (*failed)(struct group_commit_member *member, int error);
};

void group_commit_member_init(struct group_commit_member *member, struct group_commit *group_commit,
                              struct store *store, struct positions *positions,
                              int (*synced)(struct group_commit_member *member),
                              void (*failed)(struct group_commit_member *member, int error));
// Issues a position for the record that was just written to the member's file. O(1).
uint64_t group_commit_issue(struct group_commit_member *member);
// Has the member synced without a new position, so that synced() is called. O(1).
void group_commit_member_check(struct group_commit_member *member);
// True if a sync of the member is requested that has not been started.
bool group_commit_member_is_dirty(const struct group_commit_member *member);
// If the member is being synced, waits for the end. Returns 0, or the negative errno of the
// member's failed sync; group_commit_dispatch() may not have reported it yet.
int group_commit_member_wait(struct group_commit_member *member);
// The caller has made all positions of this member durable itself.
void group_commit_member_synced(struct group_commit_member *member);
// Closes a former `fd` or `twin_fd` on a helper thread, when the running sync does not use it any
// more. Takes ownership of `fd`.
void group_commit_member_close(struct group_commit_member *member, int fd);
// Removes the member from the group commit, after group_commit_member_wait(), whose result it
// returns. The caller settles the positions.
int group_commit_member_leave(struct group_commit_member *member);

// Makes group_commit_fd() readable. Any thread.
void group_commit_wake(struct group_commit *group_commit);
// The list of running jobs, see job.h.
struct list *group_commit_jobs(struct group_commit *group_commit);
