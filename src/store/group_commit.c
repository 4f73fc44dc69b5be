// SPDX-License-Identifier: Apache-2.0
// Members with positions that are not durable are dirty. group_commit_flush() starts a sync of each
// dirty member that is not being synced (sync_threads.h). A member can become dirty again during
// its sync; group_commit_dispatch() starts the next one.
#include "store/group_commit_member.h"

#include "basic/alloc.h"
#include "basic/counter.h"
#include "store/closing.h"
#include "store/job.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

DURATION(sync, "Syncs of database files, each for all transactions that waited for it");

struct group_commit {
    group_commit_failed *failed;
    void *userdata;
    uint64_t n_flushes;
    struct list dirty;
    struct list jobs;
    size_t n_syncing; // members
    struct sync_threads *threads;
    int event_fd; // written when group_commit_dispatch() has something to do
};

static void wake_mt(void *userdata)
{
    group_commit_wake(userdata);
}

struct group_commit *group_commit_new(group_commit_failed *failed, void *userdata)
{
    struct group_commit *group_commit = NEW(struct group_commit);

    group_commit->failed = failed;
    group_commit->userdata = userdata;
    list_init(&group_commit->dirty);
    list_init(&group_commit->jobs);
    group_commit->threads = sync_threads_new(failed ? wake_mt : NULL, group_commit);
    group_commit->event_fd = failed ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (failed && group_commit->event_fd < 0) {
        perror("eventfd"); // no kernel memory or descriptors: treated like a failed malloc()
        abort();
    }
    return group_commit;
}

void group_commit_free(struct group_commit *group_commit)
{
    if (!group_commit) {
        return;
    }
    assert(list_is_empty(&group_commit->dirty) && !group_commit->n_syncing); // stores are closed
    sync_threads_free(group_commit->threads);
    jobs_finish(&group_commit->jobs);
    if (group_commit->event_fd >= 0) {
        close(group_commit->event_fd);
    }
    free(group_commit);
}

void group_commit_wake(struct group_commit *group_commit)
{
    uint64_t one = 1;

    if (group_commit->event_fd >= 0) {
        // Cannot fail: the counter cannot overflow.
        (void)!write(group_commit->event_fd, &one, sizeof(one));
    }
}

static void member_start_sync(struct group_commit_member *member)
{
    struct group_commit *group_commit = member->group_commit;

    assert(!member->is_syncing);
    list_remove(&member->node);
    member->is_syncing = true;
    group_commit->n_syncing++;
    member->sync.fd = member->fd;
    member->sync.twin_fd = member->twin_fd;
    member->sync_start = clock_monotonic();
    member->sync_position = member->positions->issued;
    sync_threads_start(group_commit->threads, &member->sync);
}

// The sync is done: closes the files that it used and that the member uses no more.
static void member_end_sync(struct group_commit_member *member)
{
    struct group_commit *group_commit = member->group_commit;

    assert(member->is_syncing && group_commit->n_syncing);
    member->is_syncing = false;
    group_commit->n_syncing--;
    if (member->closes_fd) {
        close_beside(group_commit, member->sync.fd);
    }
    if (member->closes_twin_fd) {
        close_beside(group_commit, member->sync.twin_fd);
    }
    member->closes_fd = member->closes_twin_fd = false;
}

static void member_fail(struct group_commit_member *member, int error)
{
    const struct group_commit *group_commit = member->group_commit;

    member->error = error;
    list_remove(&member->node);
    member->failed(member, error);
    positions_lose(member->positions);
    if (group_commit->failed && member->store) {
        group_commit->failed(group_commit->userdata, member->store, -error);
    }
}

static void member_finish_sync(struct group_commit_member *member)
{
    int error = member->sync.error;

    duration_add(&duration_sync, clock_monotonic() - member->sync_start);
    member_end_sync(member);
    if (!error && member->synced) {
        error = member->synced(member);
    }
    if (!error) {
        positions_advance(member->positions, member->sync_position);
    } else if (!member->error) {
        member_fail(member, error);
    }
}

// If the group commit is in-line, this and group_commit_flush() call each other, but at most once:
// then no member is dirty.
void group_commit_dispatch(struct group_commit *group_commit)
{
    struct sync *sync;
    uint64_t count;

    if (group_commit->event_fd >= 0) {
        (void)!read(group_commit->event_fd, &count, sizeof(count));
    }
    while ((sync = sync_threads_take_done(group_commit->threads))) {
        member_finish_sync(CONTAINER_OF(sync, struct group_commit_member, sync));
    }
    jobs_dispatch(&group_commit->jobs);
    group_commit_flush(group_commit);
}

uint64_t group_commit_n_flushes(const struct group_commit *group_commit)
{
    return group_commit->n_flushes;
}

void group_commit_flush(struct group_commit *group_commit)
{
    struct group_commit_member *member, *next;

    group_commit->n_flushes++;
    LIST_FOREACH_SAFE (member, next, &group_commit->dirty, node) {
        if (!member->is_syncing) {
            member_start_sync(member);
        }
    }
    if (!group_commit->failed && group_commit->n_syncing) {
        group_commit_dispatch(group_commit);
    }
}

void group_commit_drain(struct group_commit *group_commit)
{
    group_commit_flush(group_commit);
    while (group_commit->n_syncing) {
        sync_threads_wait(group_commit->threads);
        group_commit_dispatch(group_commit);
    }
}

int group_commit_fd(const struct group_commit *group_commit)
{
    return group_commit->event_fd;
}

void group_commit_member_init(struct group_commit_member *member, struct group_commit *group_commit,
                              struct store *store, struct positions *positions,
                              int (*synced)(struct group_commit_member *member),
                              void (*failed)(struct group_commit_member *member, int error))
{
    *member = (struct group_commit_member){.group_commit = group_commit,
                                           .store = store,
                                           .positions = positions,
                                           .fd = -1,
                                           .twin_fd = -1,
                                           .synced = synced,
                                           .failed = failed};
    list_init(&member->node);
    list_init(&member->sync.node);
}

void group_commit_member_check(struct group_commit_member *member)
{
    if (!group_commit_member_is_dirty(member)) {
        list_push_back(&member->group_commit->dirty, &member->node);
    }
}

bool group_commit_member_is_dirty(const struct group_commit_member *member)
{
    return !list_is_empty(&member->node);
}

uint64_t group_commit_issue(struct group_commit_member *member)
{
    assert(member->fd >= 0);
    group_commit_member_check(member);
    return positions_issue(member->positions);
}

int group_commit_member_wait(struct group_commit_member *member)
{
    if (member->is_syncing) {
        sync_wait(member->group_commit->threads, &member->sync);
        if (member->sync.error) {
            return member->sync.error;
        }
    }
    return member->error;
}

void group_commit_member_synced(struct group_commit_member *member)
{
    list_remove(&member->node);
    positions_advance(member->positions, member->positions->issued);
}

void group_commit_member_close(struct group_commit_member *member, int fd)
{
    if (member->is_syncing && fd == member->sync.fd) {
        member->closes_fd = true;
    } else if (member->is_syncing && fd == member->sync.twin_fd) {
        member->closes_twin_fd = true;
    } else {
        close_beside(member->group_commit, fd);
    }
}

int group_commit_member_leave(struct group_commit_member *member)
{
    int error = group_commit_member_wait(member);

    list_remove(&member->node);
    if (member->is_syncing) {
        sync_forget(member->group_commit->threads, &member->sync);
        member_end_sync(member);
    }
    return error;
}

struct list *group_commit_jobs(struct group_commit *group_commit)
{
    return &group_commit->jobs;
}
