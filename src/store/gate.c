// SPDX-License-Identifier: Apache-2.0
// Members with unsynced tickets are dirty. gate_flush() makes all dirty members the batch, which
// the helper thread syncs, one fdatasync each; meanwhile members become dirty again for the next
// batch.
//
//     IDLE --gate_flush()--> RUNNING --helper--> DONE --gate_dispatch()--> IDLE
//
// The batch belongs to the helper while RUNNING, to the engine thread otherwise; the mutex guards
// `state`.
#include "store/gate_member.h"

#include "basic/alloc.h"
#include "basic/counter.h"
#include "basic/thread.h"
#include "store/closing.h"
#include "store/job.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>

DURATION(sync, "Syncs of database files, each for all transactions that waited for it");

enum batch_state { BATCH_IDLE, BATCH_RUNNING, BATCH_DONE, BATCH_QUIT };

struct batch_item {
    struct gate_member *member; // the helper does not look into it
    int fd;
    int twin_fd;
    int closing_fd; // to be closed when the batch is over, or -1
    int error;
};

struct gate {
    const struct gate_handler *handler;
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
    uint64_t batch_ticket; // everything up to it is synced when the batch is

    int event_fd; // written when gate_dispatch() has something to do
    bool has_thread;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum batch_state state;
};

struct gate *gate_new(const struct gate_handler *handler, void *userdata)
{
    struct gate *gate = NEW(struct gate);

    gate->handler = handler;
    gate->userdata = userdata;
    list_init(&gate->dirty);
    list_init(&gate->jobs);
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_cond_init(&gate->changed, NULL);
    gate->event_fd = handler ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (handler && gate->event_fd < 0) {
        perror("eventfd"); // out of kernel memory or descriptors at start-up: as out of memory
        abort();
    }
    return gate;
}

static void batch_set_state(struct gate *gate, enum batch_state state)
{
    pthread_mutex_lock(&gate->mutex);
    gate->state = state;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

static void batch_wait(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    while (gate->state == BATCH_RUNNING) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    pthread_mutex_unlock(&gate->mutex);
}

void gate_free(struct gate *gate)
{
    if (!gate) {
        return;
    }
    if (gate->has_thread) {
        batch_wait(gate);
        batch_set_state(gate, BATCH_QUIT);
        pthread_join(gate->thread, NULL);
    }
    jobs_finish(&gate->jobs);
    if (gate->event_fd >= 0) {
        close(gate->event_fd);
    }
    pthread_cond_destroy(&gate->changed);
    pthread_mutex_destroy(&gate->mutex);
    free(gate->items);
    free(gate);
}

void gate_wake(struct gate *gate)
{
    uint64_t one = 1;

    if (gate->event_fd >= 0) {
        // Cannot fail: the counter is far from full.
        (void)!write(gate->event_fd, &one, sizeof(one));
    }
}

static void sync_items_mt(struct gate *gate)
{
    for (size_t i = 0; i < gate->n_items; i++) {
        struct batch_item *item = &gate->items[i];
        int r = fdatasync(item->fd);

        if (!r && item->twin_fd >= 0) {
            r = fdatasync(item->twin_fd);
        }
        item->error = r < 0 ? -errno : 0;
    }
}

static void *helper_mt(void *userdata)
{
    struct gate *gate = userdata;

    pthread_mutex_lock(&gate->mutex);
    for (;;) {
        while (gate->state != BATCH_RUNNING && gate->state != BATCH_QUIT) {
            pthread_cond_wait(&gate->changed, &gate->mutex);
        }
        if (gate->state == BATCH_QUIT) {
            break;
        }
        pthread_mutex_unlock(&gate->mutex);
        sync_items_mt(gate);
        pthread_mutex_lock(&gate->mutex);
        gate->state = BATCH_DONE;
        pthread_cond_broadcast(&gate->changed);
        gate_wake(gate); // after the change, or the engine thread would find nothing
    }
    pthread_mutex_unlock(&gate->mutex);
    return NULL;
}

// False if the system gives no thread.
static bool start_helper(struct gate *gate)
{
    if (!gate->has_thread && gate->handler) {
        gate->has_thread = !thread_start(&gate->thread, "sync", helper_mt, gate);
    }
    return gate->has_thread;
}

static enum batch_state batch_state(struct gate *gate)
{
    enum batch_state state;

    pthread_mutex_lock(&gate->mutex);
    state = gate->state;
    pthread_mutex_unlock(&gate->mutex);
    return state;
}

// Makes the dirty members the batch.
static void batch_fill(struct gate *gate)
{
    gate->n_items = 0;
    while (!list_is_empty(&gate->dirty)) {
        struct gate_member *member = LIST_FIRST(&gate->dirty, struct gate_member, node);

        list_remove(&member->node);
        member->is_syncing = true;
        GROW(gate->items, gate->n_items, gate->items_capacity);
        gate->items[gate->n_items++] = (struct batch_item){
            .member = member, .fd = member->fd, .twin_fd = member->twin_fd, .closing_fd = -1};
    }
    gate->batch_start = clock_monotonic();
    gate->batch_ticket = gate->issued;
}

static void member_fail(struct gate *gate, struct gate_member *member, int error)
{
    member->error = error;
    list_remove(&member->node);
    member->failed(member, error);
    if (gate->handler) {
        gate->handler->failed(gate->userdata, member->store, -error);
    }
}

// The batch is over: failures first, then what is synced. Members may have left meanwhile (`member`
// NULL).
static void batch_finish(struct gate *gate)
{
    for (size_t i = 0; i < gate->n_items; i++) {
        struct gate_member *member = gate->items[i].member;
        int error = gate->items[i].error;

        if (gate->items[i].closing_fd >= 0) {
            close_beside(gate, gate->items[i].closing_fd);
        }
        if (member) {
            member->is_syncing = false;
            if (!error && member->synced) {
                error = member->synced(member);
            }
            if (error && !member->error) {
                member_fail(gate, member, error);
            }
        }
    }
    gate->n_items = 0;
    duration_add(&duration_sync, clock_monotonic() - gate->batch_start);
}

static void advance(struct gate *gate, uint64_t ticket)
{
    if (ticket > gate->synced) {
        gate->synced = ticket;
        if (gate->handler) {
            gate->handler->synced(gate->userdata, ticket);
        }
    }
}

// In-line gates call each other below, at most once: then nothing is dirty.
void gate_dispatch(struct gate *gate)
{
    uint64_t ticket = gate->synced;
    uint64_t count;

    if (gate->event_fd >= 0) {
        (void)!read(gate->event_fd, &count, sizeof(count));
    }
    if (batch_state(gate) == BATCH_DONE) {
        batch_finish(gate);
        ticket = gate->batch_ticket;
        batch_set_state(gate, BATCH_IDLE);
    }
    if (batch_state(gate) == BATCH_IDLE && list_is_empty(&gate->dirty)) {
        ticket = gate->issued;
    }
    advance(gate, ticket);
    jobs_dispatch(&gate->jobs);
    gate_flush(gate);
}

uint64_t gate_n_flushes(const struct gate *gate)
{
    return gate->n_flushes;
}

void gate_flush(struct gate *gate)
{
    gate->n_flushes++;
    if (list_is_empty(&gate->dirty) || batch_state(gate) != BATCH_IDLE) {
        return;
    }
    batch_fill(gate);
    if (start_helper(gate)) {
        batch_set_state(gate, BATCH_RUNNING);
        return;
    }
    sync_items_mt(gate);
    gate->state = BATCH_DONE;
    gate_wake(gate);
    if (!gate->handler) {
        gate_dispatch(gate);
    }
}

void gate_drain(struct gate *gate)
{
    while (gate->synced < gate->issued) {
        gate_flush(gate);
        batch_wait(gate);
        gate_dispatch(gate);
    }
}

int gate_fd(const struct gate *gate)
{
    return gate->event_fd;
}

uint64_t gate_issued(const struct gate *gate)
{
    return gate->issued;
}

uint64_t gate_synced(const struct gate *gate)
{
    return gate->synced;
}

void gate_member_init(struct gate_member *member, struct gate *gate, struct store *store, int fd,
                      int (*synced)(struct gate_member *member),
                      void (*failed)(struct gate_member *member, int error))
{
    *member = (struct gate_member){
        .gate = gate, .store = store, .fd = fd, .twin_fd = -1, .synced = synced, .failed = failed};
    list_init(&member->node);
}

void gate_member_check(struct gate_member *member)
{
    if (list_is_empty(&member->node)) {
        list_push_back(&member->gate->dirty, &member->node);
    }
}

uint64_t gate_issue(struct gate_member *member)
{
    gate_member_check(member);
    return ++member->gate->issued;
}

int gate_member_wait(struct gate_member *member)
{
    struct gate *gate = member->gate;

    if (member->is_syncing) {
        batch_wait(gate);
        for (size_t i = 0; i < gate->n_items; i++) {
            if (gate->items[i].member == member && gate->items[i].error) {
                return gate->items[i].error;
            }
        }
    }
    return member->error;
}

void gate_member_synced(struct gate_member *member)
{
    if (!list_is_empty(&member->node)) {
        list_remove(&member->node);
        gate_wake(member->gate); // nothing may be left to sync: then gate_dispatch() says so
    }
}

void gate_member_close(struct gate_member *member, int fd)
{
    struct gate *gate = member->gate;

    for (size_t i = 0; i < gate->n_items && member->is_syncing; i++) {
        struct batch_item *item = &gate->items[i];

        if (item->member == member && (item->fd == fd || item->twin_fd == fd)) {
            item->closing_fd = fd;
            return;
        }
    }
    close_beside(gate, fd);
}

void gate_member_leave(struct gate_member *member)
{
    struct gate *gate = member->gate;

    (void)gate_member_wait(member);
    for (size_t i = 0; i < gate->n_items; i++) {
        if (gate->items[i].member == member) {
            gate->items[i].member = NULL;
        }
    }
    gate_member_synced(member);
}

struct list *gate_jobs(struct gate *gate)
{
    return &gate->jobs;
}
