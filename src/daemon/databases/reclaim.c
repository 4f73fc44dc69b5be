// SPDX-License-Identifier: Apache-2.0
// Unused objects wait in three lists: texts (basic/text.c), change sets (engine/changeset.c) and
// databases (here). reclaim_run() takes a step of the first list that is not empty.
//
// The engine thread frees the rows of a database, because they share values with other databases
// and the reference counts of values are not atomic. A helper thread then frees the arrays of the
// tables, which are few but large.
#include "daemon/databases/reclaim.h"

#include "basic/text.h"
#include "store/job.h"

#include <assert.h>
#include <limits.h>
#include <malloc.h>

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
    struct list items; // struct discarded, whose rows are not all freed yet
};

// By default free() defers work: small blocks are merged only when a large one is freed, and free
// pages are returned when there are many. After a large database was freed, one such call takes
// seconds. With these options each block is merged at once, and pages are kept for later use.
void reclaim_set_malloc_options(void)
{
    mallopt(M_MXFAST, 0);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    mallopt(M_TOP_PAD, 64 << 20);
}

void reclaim_trim(void)
{
    malloc_trim(0);
}

struct reclaim *reclaim_new(struct group_commit *group_commit)
{
    struct reclaim *reclaim = NEW(struct reclaim);

    reclaim->group_commit = group_commit;
    list_init(&reclaim->items);
    texts_keep_dead(true);
    return reclaim;
}

static void free_tables_mt(struct job *job)
{
    db_free_tables(CONTAINER_OF(job, struct discarded, job)->db);
}

static void on_tables_freed(struct job *job)
{
    struct discarded *item = CONTAINER_OF(job, struct discarded, job);

    db_free(item->db);
    free(item);
}

void reclaim_db(struct reclaim *reclaim, struct db *db)
{
    struct discarded *item = NEW(struct discarded);

    assert(db);
    item->db = db;
    job_init(&item->job, reclaim->group_commit, free_tables_mt, on_tables_freed);
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

// Keeps the remaining objects reachable, so that leak checkers do not report them.
static struct list left = LIST_INIT(&left); // struct reclaim

void reclaim_leave(struct reclaim *reclaim)
{
    list_push_back(&left, &reclaim->node);
}
