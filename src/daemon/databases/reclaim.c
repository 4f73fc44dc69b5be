// SPDX-License-Identifier: Apache-2.0
// Rows share values with those of other databases, whose counts are not atomic: they are the engine
// thread's. What is left then are a few large pieces, which a helper thread gives back.
#include "daemon/databases/reclaim.h"

#include "basic/text.h"
#include "store/job.h"

#define STEP_ROWS  64
#define STEP_BYTES 65536

struct discarded {
    struct list node;
    struct db *db;
    struct job job;
};

struct reclaim {
    struct list node;
    struct group_commit *group_commit;
    struct list items; // those with rows
};

struct reclaim *reclaim_new(struct group_commit *group_commit)
{
    struct reclaim *reclaim = NEW(struct reclaim);

    reclaim->group_commit = group_commit;
    list_init(&reclaim->items);
    texts_keep_dead(true);
    return reclaim;
}

static void run_mt(struct job *job)
{
    db_free_tables(CONTAINER_OF(job, struct discarded, job)->db);
}

static void on_done(struct job *job)
{
    struct discarded *item = CONTAINER_OF(job, struct discarded, job);

    db_free(item->db);
    free(item);
}

void reclaim_db(struct reclaim *reclaim, struct db *db)
{
    struct discarded *item = NEW(struct discarded);

    item->db = db;
    job_init(&item->job, reclaim->group_commit, run_mt, on_done);
    list_push_back(&reclaim->items, &item->node);
}

bool reclaim_run(struct reclaim *reclaim)
{
    struct discarded *item;

    if (texts_free_some(STEP_BYTES) || changesets_free_some(STEP_ROWS)) {
        return true;
    }
    if (list_is_empty(&reclaim->items)) {
        return false;
    }
    item = LIST_FIRST(&reclaim->items, struct discarded, node);
    if (!db_free_rows(item->db, STEP_ROWS)) {
        list_remove(&item->node);
        job_start(&item->job);
    }
    return true;
}

// Known, so that it is no leak.
static struct list left = LIST_INIT(&left); // struct reclaim

void reclaim_leave(struct reclaim *reclaim)
{
    list_push_back(&left, &reclaim->node);
}
