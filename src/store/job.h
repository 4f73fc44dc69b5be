// SPDX-License-Identifier: Apache-2.0
// Long work on a helper thread of its own, whose end group_commit_dispatch() tells on the engine thread.
//
//     job_start() -> run_mt() on the helper -> group_commit_fd() readable -> group_commit_dispatch() -> done()
//
// With an in-line group commit, or when the system gives no thread, all of it happens in job_start().
#pragma once

#include "basic/list.h"
#include "store/group_commit.h"

#include <pthread.h>
#include <stdatomic.h>

struct job {
    // On the helper thread; may use what the engine thread leaves alone until done().
    void (*run_mt)(struct job *job);
    // On the engine thread. The job is over: it may be started again, or freed.
    void (*done)(struct job *job);
    // For job_start() and what belongs to it.
    struct group_commit *group_commit;
    struct list node; // among the group commit's
    pthread_t thread;
    atomic_bool is_over; // run_mt() has returned
    bool is_running;     // done() has not been called
};

void job_init(struct job *job, struct group_commit *group_commit, void (*run_mt)(struct job *job),
              void (*done)(struct job *job));
void job_start(struct job *job);
// Waits for the end, if it runs, and calls done(). Work that can be called off is asked to stop by
// its own means before.
void job_finish(struct job *job);
static inline bool job_is_running(const struct job *job)
{
    return job->is_running;
}

// For the group commit: calls done() of those that are over.
void jobs_dispatch(struct list *jobs);
// Waits for all.
void jobs_finish(struct list *jobs);
