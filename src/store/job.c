// SPDX-License-Identifier: Apache-2.0
#include "store/job.h"

#include "basic/thread.h"
#include "store/group_commit_member.h"

#include <assert.h>

void job_init(struct job *job, struct group_commit *group_commit, void (*run_mt)(struct job *job),
              void (*done)(struct job *job))
{
    *job = (struct job){.group_commit = group_commit, .run_mt = run_mt, .done = done};
    list_init(&job->node);
}

static void *helper_mt(void *userdata)
{
    struct job *job = userdata;
    struct group_commit *group_commit =
        job->group_commit; // after is_over the engine thread may free the job

    job->run_mt(job);
    atomic_store(&job->is_over, true);
    group_commit_wake(group_commit);
    return NULL;
}

void job_start(struct job *job)
{
    assert(!job->is_running);
    job->is_running = true;
    atomic_store(&job->is_over, false);
    if (group_commit_fd(job->group_commit) >= 0 &&
        !thread_start(&job->thread, "store", helper_mt, job)) {
        list_push_back(group_commit_jobs(job->group_commit), &job->node);
        return;
    }
    job->run_mt(job);
    job->is_running = false;
    job->done(job);
}

void job_finish(struct job *job)
{
    if (job->is_running) {
        pthread_join(job->thread, NULL);
        list_remove(&job->node);
        job->is_running = false;
        job->done(job);
    }
}

void jobs_finish(struct list *jobs)
{
    while (!list_is_empty(jobs)) {
        job_finish(LIST_FIRST(jobs, struct job, node));
    }
}

static struct job *find_over(struct list *jobs)
{
    struct job *job;

    LIST_FOREACH (job, jobs, node) {
        if (atomic_load(&job->is_over)) {
            return job;
        }
    }
    return NULL;
}

void jobs_dispatch(struct list *jobs)
{
    struct job *job;

    // done() may start and finish jobs: search the whole list again.
    while ((job = find_over(jobs))) {
        job_finish(job);
    }
}
