// SPDX-License-Identifier: Apache-2.0
// The helper makes everything that belongs to the new database, so no reference count is shared
// with the engine thread. Its log messages wait until it has ended.
#include "store/opening.h"

#include "basic/log.h"
#include "basic/text.h"
#include "store/group_commit_member.h"
#include "store/job.h"
#include "store/provision.h"

#include <assert.h>
#include <errno.h>

#define WAKE_INTERVAL (1 * USEC_PER_SEC)

struct opening {
    char *path;
    char *schema_path; // or NULL
    enum store_mode mode;
    struct group_commit *group_commit;
    struct job job;
    bool is_started;
    atomic_bool is_canceled;
    opening_done_function *done;
    void *userdata;
    _Atomic uint64_t n_steps; // that the helper has taken
    usec_t woken_at;          // for the helper only
    // The result, for the engine thread when the helper has ended.
    struct store *store;
    struct ovsdb_error *error;
    bool is_damaged;
    struct log_queue messages;
};

static int on_step_mt(void *userdata, const char *what, uint64_t done, uint64_t total)
{
    struct opening *opening = userdata;
    usec_t now = clock_monotonic();

    atomic_fetch_add(&opening->n_steps, 1);
    if (now - opening->woken_at >= WAKE_INTERVAL) {
        opening->woken_at = now;
        group_commit_wake(opening->group_commit);
    }
    return atomic_load(&opening->is_canceled) ? -ECANCELED : 0;
}

static void opening_run_mt(struct job *job)
{
    struct opening *opening = CONTAINER_OF(job, struct opening, job);
    const struct progress progress = {on_step_mt, opening};

    text_thread_begin();
    log_thread_begin(&opening->messages);
    opening->error = provision_open(opening->path, opening->schema_path, opening->mode, &progress,
                                    &opening->store, &opening->is_damaged);
    log_thread_end();
    text_thread_end();
}

static void opening_free(struct opening *opening)
{
    free(opening->path);
    free(opening->schema_path);
    free(opening);
}

static void opening_end(struct opening *opening)
{
    assert(!opening->store == !!opening->error);
    log_queue_write(&opening->messages);
    if (opening->store) {
        store_join(opening->store, opening->group_commit);
    }
    opening->done(opening->userdata, opening->store, opening->error, opening->is_damaged);
    opening_free(opening);
}

static void on_job_done(struct job *job)
{
    opening_end(CONTAINER_OF(job, struct opening, job));
}

struct opening *opening_new(const char *path, const char *schema_path, enum store_mode mode,
                            struct group_commit *group_commit, opening_done_function *done,
                            void *userdata)
{
    struct opening *opening = NEW(struct opening);

    opening->path = xstrdup(path);
    opening->schema_path = schema_path ? xstrdup(schema_path) : NULL;
    opening->mode = mode;
    opening->group_commit = group_commit;
    opening->done = done;
    opening->userdata = userdata;
    job_init(&opening->job, group_commit, opening_run_mt, on_job_done);
    return opening;
}

void opening_start(struct opening *opening)
{
    assert(!opening->is_started);
    opening->is_started = true;
    opening->woken_at = clock_monotonic();
    job_start(&opening->job);
}

bool opening_is_started(const struct opening *opening)
{
    return opening->is_started;
}

const char *opening_path(const struct opening *opening)
{
    return opening->path;
}

void opening_stop(struct opening *opening)
{
    if (opening->is_started) {
        atomic_store(&opening->is_canceled, true);
        job_finish(&opening->job);
    } else {
        opening->error = error_io(ECANCELED, "%s: cannot be opened", opening->path);
        opening_end(opening);
    }
}

uint64_t opening_n_steps(const struct opening *opening)
{
    return atomic_load(&opening->n_steps);
}
