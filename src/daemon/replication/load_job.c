// SPDX-License-Identifier: Apache-2.0
#include "daemon/replication/load_job.h"

#include "basic/log.h"
#include "daemon/databases/discard.h"
#include "replication/replica.h"
#include "store/job.h"

struct load_job {
    struct job job;
    struct group_commit *group_commit;
    struct loading *loading;
    struct log_queue messages;
};

static void load_job_run_mt(struct job *job)
{
    struct load_job *load_job = CONTAINER_OF(job, struct load_job, job);

    log_thread_begin(&load_job->messages);
    loading_run_mt(load_job->loading, uuid_random);
    log_thread_end();
}

static void on_job_done(struct job *job)
{
    struct load_job *load_job = CONTAINER_OF(job, struct load_job, job);
    struct db *unused;

    log_queue_write(&load_job->messages);
    unused = replica_loaded(load_job->loading);
    if (unused) {
        discard_db(unused, load_job->group_commit);
    }
    free(load_job);
}

void load_job_start(struct group_commit *group_commit, struct loading *loading)
{
    struct load_job *load_job = NEW(struct load_job);

    load_job->group_commit = group_commit;
    load_job->loading = loading;
    loading->job = load_job;
    job_init(&load_job->job, group_commit, load_job_run_mt, on_job_done);
    job_start(&load_job->job);
}

void load_job_finish(struct loading *loading)
{
    struct load_job *load_job = loading->job;

    job_finish(&load_job->job);
}
