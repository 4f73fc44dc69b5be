// SPDX-License-Identifier: Apache-2.0
// The mutex guards everything but the members of a sync that is pending or idle. Moves are not
// logged: there are several for each commit, and one is made by a thread.
#include "store/sync_threads.h"

#include "basic/alloc.h"
#include "basic/thread.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

static const unsigned allowed_moves[SYNC_N_STATES] = {
    [SYNC_IDLE] = 1u << SYNC_PENDING,
    [SYNC_PENDING] = 1u << SYNC_DONE,
    [SYNC_DONE] = 1u << SYNC_IDLE,
};

struct sync_threads {
    void (*wake_mt)(void *userdata);
    void *userdata;
    pthread_mutex_t mutex;
    pthread_cond_t work;    // a sync was queued, or the threads are to end
    pthread_cond_t results; // a sync is done
    struct list queue;      // pending syncs that no thread has begun
    struct list done;
    size_t n_queued;
    size_t n_pending; // including the queued ones
    size_t n_free;    // threads that do not sync
    bool ends;
    size_t n;
    pthread_t ids[SYNC_THREADS_MAX];
};

struct sync_threads *sync_threads_new(void (*wake_mt)(void *userdata), void *userdata)
{
    struct sync_threads *threads = NEW(struct sync_threads);

    threads->wake_mt = wake_mt;
    threads->userdata = userdata;
    list_init(&threads->queue);
    list_init(&threads->done);
    pthread_mutex_init(&threads->mutex, NULL);
    pthread_cond_init(&threads->work, NULL);
    pthread_cond_init(&threads->results, NULL);
    return threads;
}

static void threads_lock(struct sync_threads *threads)
{
    pthread_mutex_lock(&threads->mutex);
}

static void threads_unlock(struct sync_threads *threads)
{
    pthread_mutex_unlock(&threads->mutex);
}

void sync_threads_free(struct sync_threads *threads)
{
    threads_lock(threads);
    assert(!threads->n_pending && list_is_empty(&threads->done));
    threads->ends = true;
    pthread_cond_broadcast(&threads->work);
    threads_unlock(threads);
    for (size_t i = 0; i < threads->n; i++) {
        pthread_join(threads->ids[i], NULL);
    }
    pthread_cond_destroy(&threads->results);
    pthread_cond_destroy(&threads->work);
    pthread_mutex_destroy(&threads->mutex);
    free(threads);
}

// The caller holds the mutex.
static void sync_set_state(struct sync *sync, enum sync_state state)
{
    assert(allowed_moves[sync->state] & 1u << state);
    sync->state = state;
}

static void sync_run_mt(struct sync *sync)
{
    int r = fdatasync(sync->fd);

    if (!r && sync->twin_fd >= 0) {
        r = fdatasync(sync->twin_fd);
    }
    sync->error = r < 0 ? -errno : 0;
}

// Runs the first sync of the queue. The caller holds the mutex, which is released meanwhile.
static void run_first_mt(struct sync_threads *threads)
{
    struct sync *sync = LIST_FIRST(&threads->queue, struct sync, node);

    list_remove(&sync->node);
    threads->n_queued--;
    threads_unlock(threads);
    sync_run_mt(sync);
    threads_lock(threads);
    sync_set_state(sync, SYNC_DONE);
    list_push_back(&threads->done, &sync->node);
    threads->n_pending--;
    pthread_cond_broadcast(&threads->results);
    if (threads->wake_mt) {
        threads->wake_mt(threads->userdata); // after the move, which the engine thread looks for
    }
}

static void *helper_mt(void *userdata)
{
    struct sync_threads *threads = userdata;

    threads_lock(threads);
    while (!threads->ends) {
        if (list_is_empty(&threads->queue)) {
            pthread_cond_wait(&threads->work, &threads->mutex);
            continue;
        }
        threads->n_free--;
        run_first_mt(threads);
        threads->n_free++;
    }
    threads_unlock(threads);
    return NULL;
}

// Starts a thread if more syncs are queued than threads are free. The caller holds the mutex.
static void add_thread(struct sync_threads *threads)
{
    if (threads->wake_mt && threads->n_queued > threads->n_free && threads->n < SYNC_THREADS_MAX &&
        !thread_start(&threads->ids[threads->n], "sync", helper_mt, threads)) {
        threads->n++;
        threads->n_free++;
    }
}

void sync_threads_start(struct sync_threads *threads, struct sync *sync)
{
    assert(sync->fd >= 0);
    threads_lock(threads);
    sync_set_state(sync, SYNC_PENDING);
    list_push_back(&threads->queue, &sync->node);
    threads->n_queued++;
    threads->n_pending++;
    add_thread(threads);
    if (threads->n) {
        pthread_cond_signal(&threads->work);
    } else {
        run_first_mt(threads); // no thread is wanted, or none can be started
    }
    threads_unlock(threads);
}

struct sync *sync_threads_take_done(struct sync_threads *threads)
{
    struct sync *sync = NULL;

    threads_lock(threads);
    if (!list_is_empty(&threads->done)) {
        sync = LIST_FIRST(&threads->done, struct sync, node);
        list_remove(&sync->node);
        sync_set_state(sync, SYNC_IDLE);
    }
    threads_unlock(threads);
    return sync;
}

void sync_wait(struct sync_threads *threads, const struct sync *sync)
{
    threads_lock(threads);
    while (sync->state == SYNC_PENDING) {
        pthread_cond_wait(&threads->results, &threads->mutex);
    }
    threads_unlock(threads);
}

void sync_threads_wait(struct sync_threads *threads)
{
    threads_lock(threads);
    while (threads->n_pending && list_is_empty(&threads->done)) {
        pthread_cond_wait(&threads->results, &threads->mutex);
    }
    threads_unlock(threads);
}

void sync_forget(struct sync_threads *threads, struct sync *sync)
{
    threads_lock(threads);
    if (sync->state != SYNC_IDLE) {
        list_remove(&sync->node);
        sync_set_state(sync, SYNC_IDLE);
    }
    threads_unlock(threads);
}
