// SPDX-License-Identifier: Apache-2.0
// Members with unsynced tickets are dirty. group_commit_flush() makes all dirty members the batch.
// The helper thread syncs the batch, with one fdatasync for each file. Meanwhile members may become
// dirty again for the next batch.
//
//     IDLE --group_commit_flush()--> RUNNING --helper thread--> DONE
//      ^                                                         |
//      +----------------- group_commit_dispatch() ---------------+
//
// group_commit_free() moves from IDLE or DONE to QUIT, which ends the helper. The batch belongs to
// the helper in the state RUNNING, to the engine thread in the others. The mutex guards `state`.
// Moves are not logged: there are several for each commit, and one is made by the helper.
#include "store/group_commit_member.h"

#include "basic/alloc.h"
#include "basic/counter.h"
#include "basic/thread.h"
#include "store/closing.h"
#include "store/job.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>

DURATION(sync, "Syncs of database files, each for all transactions that waited for it");

enum batch_state { BATCH_IDLE, BATCH_RUNNING, BATCH_DONE, BATCH_QUIT, BATCH_N_STATES };

static const unsigned allowed_moves[BATCH_N_STATES] = {
    [BATCH_IDLE] = 1u << BATCH_RUNNING | 1u << BATCH_QUIT,
    [BATCH_RUNNING] = 1u << BATCH_DONE,
    [BATCH_DONE] = 1u << BATCH_IDLE | 1u << BATCH_QUIT,
};

struct batch_item {
    struct group_commit_member *member; // not used by the helper; NULL: has left
    int fd;
    int twin_fd;
    int closing_fd; // to be closed at the end of the batch, or -1
    int error;
};

struct group_commit {
    const struct group_commit_handler *handler;
    void *userdata;
    uint64_t issued;
    uint64_t synced;
    uint64_t n_flushes;
    struct list dirty;
    struct list jobs;

    struct batch_item *items;
    size_t n_items;
    size_t items_capacity;
    usec_t batch_start;
    uint64_t batch_ticket; // the last ticket that the batch syncs

    int event_fd; // written when group_commit_dispatch() has something to do
    bool has_thread;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum batch_state state;
};

struct group_commit *group_commit_new(const struct group_commit_handler *handler, void *userdata)
{
    struct group_commit *group_commit = NEW(struct group_commit);

    group_commit->handler = handler;
    group_commit->userdata = userdata;
    list_init(&group_commit->dirty);
    list_init(&group_commit->jobs);
    pthread_mutex_init(&group_commit->mutex, NULL);
    pthread_cond_init(&group_commit->changed, NULL);
    group_commit->event_fd = handler ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (handler && group_commit->event_fd < 0) {
        perror("eventfd"); // no kernel memory or descriptors: treated like a failed malloc()
        abort();
    }
    return group_commit;
}

// The caller holds the mutex. Any thread.
static void batch_set_state_locked(struct group_commit *group_commit, enum batch_state state)
{
    assert(allowed_moves[group_commit->state] & 1u << state);
    group_commit->state = state;
    pthread_cond_broadcast(&group_commit->changed);
}

static void batch_set_state(struct group_commit *group_commit, enum batch_state state)
{
    pthread_mutex_lock(&group_commit->mutex);
    batch_set_state_locked(group_commit, state);
    pthread_mutex_unlock(&group_commit->mutex);
}

static void batch_wait(struct group_commit *group_commit)
{
    pthread_mutex_lock(&group_commit->mutex);
    while (group_commit->state == BATCH_RUNNING) {
        pthread_cond_wait(&group_commit->changed, &group_commit->mutex);
    }
    pthread_mutex_unlock(&group_commit->mutex);
}

void group_commit_free(struct group_commit *group_commit)
{
    if (!group_commit) {
        return;
    }
    if (group_commit->has_thread) {
        batch_wait(group_commit);
        batch_set_state(group_commit, BATCH_QUIT);
        pthread_join(group_commit->thread, NULL);
    }
    jobs_finish(&group_commit->jobs);
    assert(list_is_empty(&group_commit->dirty)); // all stores are closed
    if (group_commit->event_fd >= 0) {
        close(group_commit->event_fd);
    }
    pthread_cond_destroy(&group_commit->changed);
    pthread_mutex_destroy(&group_commit->mutex);
    free(group_commit->items);
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

static void sync_items_mt(struct group_commit *group_commit)
{
    for (size_t i = 0; i < group_commit->n_items; i++) {
        struct batch_item *item = &group_commit->items[i];
        int r = fdatasync(item->fd);

        if (!r && item->twin_fd >= 0) {
            r = fdatasync(item->twin_fd);
        }
        item->error = r < 0 ? -errno : 0;
    }
}

static void *helper_mt(void *userdata)
{
    struct group_commit *group_commit = userdata;

    pthread_mutex_lock(&group_commit->mutex);
    for (;;) {
        while (group_commit->state != BATCH_RUNNING && group_commit->state != BATCH_QUIT) {
            pthread_cond_wait(&group_commit->changed, &group_commit->mutex);
        }
        if (group_commit->state == BATCH_QUIT) {
            break;
        }
        pthread_mutex_unlock(&group_commit->mutex);
        sync_items_mt(group_commit);
        pthread_mutex_lock(&group_commit->mutex);
        batch_set_state_locked(group_commit, BATCH_DONE);
        group_commit_wake(group_commit); // after the move, which group_commit_dispatch() looks for
    }
    pthread_mutex_unlock(&group_commit->mutex);
    return NULL;
}

// False if the group commit is in-line, or if no thread can be started.
static bool start_helper(struct group_commit *group_commit)
{
    if (!group_commit->has_thread && group_commit->handler) {
        group_commit->has_thread =
            !thread_start(&group_commit->thread, "sync", helper_mt, group_commit);
    }
    return group_commit->has_thread;
}

static enum batch_state batch_state(struct group_commit *group_commit)
{
    enum batch_state state;

    pthread_mutex_lock(&group_commit->mutex);
    state = group_commit->state;
    pthread_mutex_unlock(&group_commit->mutex);
    return state;
}

// Makes the dirty members the batch.
static void batch_fill(struct group_commit *group_commit)
{
    assert(!group_commit->n_items);
    while (!list_is_empty(&group_commit->dirty)) {
        struct group_commit_member *member =
            LIST_FIRST(&group_commit->dirty, struct group_commit_member, node);

        assert(member->fd >= 0 && !member->is_syncing);
        list_remove(&member->node);
        member->is_syncing = true;
        GROW(group_commit->items, group_commit->n_items, group_commit->items_capacity);
        group_commit->items[group_commit->n_items++] = (struct batch_item){
            .member = member, .fd = member->fd, .twin_fd = member->twin_fd, .closing_fd = -1};
    }
    group_commit->batch_start = clock_monotonic();
    group_commit->batch_ticket = group_commit->issued;
}

static void member_fail(struct group_commit *group_commit, struct group_commit_member *member,
                        int error)
{
    member->error = error;
    list_remove(&member->node);
    member->failed(member, error);
    if (group_commit->handler) {
        group_commit->handler->failed(group_commit->userdata, member->store, -error);
    }
}

// Processes the results of a batch that has ended.
static void batch_finish(struct group_commit *group_commit)
{
    for (size_t i = 0; i < group_commit->n_items; i++) {
        struct group_commit_member *member = group_commit->items[i].member;
        int error = group_commit->items[i].error;

        if (group_commit->items[i].closing_fd >= 0) {
            close_beside(group_commit, group_commit->items[i].closing_fd);
        }
        if (member) {
            assert(member->is_syncing);
            member->is_syncing = false;
            if (!error && member->synced) {
                error = member->synced(member);
            }
            if (error && !member->error) {
                member_fail(group_commit, member, error);
            }
        }
    }
    group_commit->n_items = 0;
    duration_add(&duration_sync, clock_monotonic() - group_commit->batch_start);
}

static void advance_synced(struct group_commit *group_commit, uint64_t ticket)
{
    assert(ticket <= group_commit->issued); // I-6
    if (ticket > group_commit->synced) {
        group_commit->synced = ticket;
        if (group_commit->handler) {
            group_commit->handler->synced(group_commit->userdata, ticket);
        }
    }
}

// If the group commit is in-line, this and group_commit_flush() call each other, but at most once:
// then no member is dirty.
void group_commit_dispatch(struct group_commit *group_commit)
{
    uint64_t ticket = group_commit->synced;
    uint64_t count;

    if (group_commit->event_fd >= 0) {
        (void)!read(group_commit->event_fd, &count, sizeof(count));
    }
    if (batch_state(group_commit) == BATCH_DONE) {
        batch_finish(group_commit);
        ticket = group_commit->batch_ticket;
        batch_set_state(group_commit, BATCH_IDLE);
    }
    if (batch_state(group_commit) == BATCH_IDLE && list_is_empty(&group_commit->dirty)) {
        ticket = group_commit->issued;
    }
    advance_synced(group_commit, ticket);
    jobs_dispatch(&group_commit->jobs);
    group_commit_flush(group_commit);
}

uint64_t group_commit_n_flushes(const struct group_commit *group_commit)
{
    return group_commit->n_flushes;
}

void group_commit_flush(struct group_commit *group_commit)
{
    group_commit->n_flushes++;
    if (list_is_empty(&group_commit->dirty) || batch_state(group_commit) != BATCH_IDLE) {
        return;
    }
    batch_fill(group_commit);
    if (start_helper(group_commit)) {
        batch_set_state(group_commit, BATCH_RUNNING);
        return;
    }
    batch_set_state(group_commit, BATCH_RUNNING);
    sync_items_mt(group_commit);
    batch_set_state(group_commit, BATCH_DONE);
    group_commit_wake(group_commit);
    if (!group_commit->handler) {
        group_commit_dispatch(group_commit);
    }
}

void group_commit_drain(struct group_commit *group_commit)
{
    while (group_commit->synced < group_commit->issued) {
        group_commit_flush(group_commit);
        batch_wait(group_commit);
        group_commit_dispatch(group_commit);
    }
}

int group_commit_fd(const struct group_commit *group_commit)
{
    return group_commit->event_fd;
}

uint64_t group_commit_issued(const struct group_commit *group_commit)
{
    return group_commit->issued;
}

uint64_t group_commit_synced(const struct group_commit *group_commit)
{
    return group_commit->synced;
}

void group_commit_member_init(struct group_commit_member *member, struct group_commit *group_commit,
                              struct store *store, int fd,
                              int (*synced)(struct group_commit_member *member),
                              void (*failed)(struct group_commit_member *member, int error))
{
    *member = (struct group_commit_member){.group_commit = group_commit,
                                           .store = store,
                                           .fd = fd,
                                           .twin_fd = -1,
                                           .synced = synced,
                                           .failed = failed};
    list_init(&member->node);
}

void group_commit_member_check(struct group_commit_member *member)
{
    if (list_is_empty(&member->node)) {
        list_push_back(&member->group_commit->dirty, &member->node);
    }
}

uint64_t group_commit_issue(struct group_commit_member *member)
{
    assert(member->fd >= 0);
    group_commit_member_check(member);
    return ++member->group_commit->issued;
}

int group_commit_member_wait(struct group_commit_member *member)
{
    struct group_commit *group_commit = member->group_commit;

    if (member->is_syncing) {
        batch_wait(group_commit);
        for (size_t i = 0; i < group_commit->n_items; i++) {
            if (group_commit->items[i].member == member && group_commit->items[i].error) {
                return group_commit->items[i].error;
            }
        }
    }
    return member->error;
}

void group_commit_member_synced(struct group_commit_member *member)
{
    if (!list_is_empty(&member->node)) {
        list_remove(&member->node);
        // If no ticket is left to sync, group_commit_dispatch() calls synced().
        group_commit_wake(member->group_commit);
    }
}

void group_commit_member_close(struct group_commit_member *member, int fd)
{
    struct group_commit *group_commit = member->group_commit;

    for (size_t i = 0; i < group_commit->n_items && member->is_syncing; i++) {
        struct batch_item *item = &group_commit->items[i];

        if (item->member == member && (item->fd == fd || item->twin_fd == fd)) {
            item->closing_fd = fd;
            return;
        }
    }
    close_beside(group_commit, fd);
}

void group_commit_member_leave(struct group_commit_member *member)
{
    struct group_commit *group_commit = member->group_commit;

    (void)group_commit_member_wait(member);
    for (size_t i = 0; i < group_commit->n_items; i++) {
        if (group_commit->items[i].member == member) {
            group_commit->items[i].member = NULL;
        }
    }
    group_commit_member_synced(member);
}

struct list *group_commit_jobs(struct group_commit *group_commit)
{
    return &group_commit->jobs;
}
