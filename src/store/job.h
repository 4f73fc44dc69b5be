// SPDX-License-Identifier: Apache-2.0
// A job is long work on a helper thread of its own. group_commit_dispatch() calls done() on the
// engine thread when the work has ended.
//
//     job_start() -> run_mt() on the helper thread -> group_commit_fd() becomes readable
//                 -> group_commit_dispatch() -> done()
//
// With an in-line group commit, or if no thread can be started, job_start() calls run_mt() and
// done() itself.
#pragma once

#include "basic/list.h"

#include <pthread.h>
#include <stdatomic.h>

struct group_commit;

struct job {
    // Called on the helper thread. Must not use data that the engine thread uses before done().
    void (*run_mt)(struct job *job);
    // Called on the engine thread after run_mt(). May start the job again, or free it.
    void (*done)(struct job *job);
    // Private.
    struct group_commit *group_commit;
    struct list node; // in the list of jobs of the group commit
    pthread_t thread;
    atomic_bool is_over; // run_mt() has returned
    bool is_running;     // done() has not been called
};

void job_init(struct job *job, struct group_commit *group_commit, void (*run_mt)(struct job *job),
              void (*done)(struct job *job));
// The job must not be running.
void job_start(struct job *job);
// If the job is running, waits for its end and calls done(). Does not cancel the work.
void job_finish(struct job *job);
static inline bool job_is_running(const struct job *job)
{
    return job->is_running;
}

// For the group commit: calls done() of the jobs whose work has ended.
void jobs_dispatch(struct list *jobs);
// For the group commit: job_finish() for all jobs.
void jobs_finish(struct list *jobs);
