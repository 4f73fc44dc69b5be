// SPDX-License-Identifier: Apache-2.0
// The threads of the group commit: each syncs one file at a time. A sync that takes long occupies
// one thread, so the syncs of other files do not wait for it, unless SYNC_THREADS_MAX take long.
//
//     SYNC_IDLE --sync_threads_start()--> SYNC_PENDING --thread--> SYNC_DONE
//       ^                                                             |
//       +------------- sync_threads_take_done(), sync_forget() -------+
#pragma once

#include "basic/list.h"

#include <stdbool.h>
#include <stddef.h>

#define SYNC_THREADS_MAX 16

enum sync_state { SYNC_IDLE, SYNC_PENDING, SYNC_DONE, SYNC_N_STATES };

// The sync of a file. While it is pending it belongs to the threads.
struct sync {
    struct list node; // pending or done, see sync_threads.c
    enum sync_state state;
    int fd;
    int twin_fd; // another file that is synced after it, or -1
    int error;   // the result: 0 or negative errno
};

struct sync_threads;

// `wake_mt` is called after each sync, on its thread, which holds a lock: it must only wake the
// engine thread. NULL: no threads are started, and sync_threads_start() syncs itself.
struct sync_threads *sync_threads_new(void (*wake_mt)(void *userdata), void *userdata);
void sync_threads_free(struct sync_threads *threads); // no sync may be pending or done
// Starts an idle sync. Starts a thread if none is free.
void sync_threads_start(struct sync_threads *threads, struct sync *sync);
// Returns a sync that is done, idle again, or NULL.
struct sync *sync_threads_take_done(struct sync_threads *threads);
// Waits until `sync` is not pending.
void sync_wait(struct sync_threads *threads, const struct sync *sync);
// Waits until a sync is done or none is pending.
void sync_threads_wait(struct sync_threads *threads);
// Makes a sync that is not pending idle.
void sync_forget(struct sync_threads *threads, struct sync *sync);
