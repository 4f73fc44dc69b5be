// SPDX-License-Identifier: Apache-2.0
#include "store/closing.h"

#include "basic/alloc.h"
#include "store/job.h"

#include <unistd.h>

struct closing {
    struct job job;
    int fd;
};

static void run_mt(struct job *job)
{
    close(CONTAINER_OF(job, struct closing, job)->fd);
}

static void on_closed(struct job *job)
{
    free(CONTAINER_OF(job, struct closing, job));
}

void close_beside(struct group_commit *group_commit, int fd)
{
    struct closing *closing = NEW(struct closing);

    closing->fd = fd;
    job_init(&closing->job, group_commit, run_mt, on_closed);
    job_start(&closing->job);
}
