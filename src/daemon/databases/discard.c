// SPDX-License-Identifier: Apache-2.0
// The engine thread frees the rows of a database, because they share values with other databases
// and the reference counts of values are not atomic. A helper thread then frees the arrays of the
// tables, which are few but large.
#include "daemon/databases/discard.h"

#include "basic/reclaim.h"
#include "store/job.h"

#include <assert.h>

struct discarded {
    struct reclaim_item item;
    struct db *db;
    struct job job;
};

static void free_tables_mt(struct job *job)
{
    db_free_tables(CONTAINER_OF(job, struct discarded, job)->db);
}

static void on_tables_freed(struct job *job)
{
    struct discarded *discarded = CONTAINER_OF(job, struct discarded, job);

    db_free(discarded->db);
    free(discarded);
}

static struct reclaim_item *discarded_step(struct reclaim_item *item, size_t *budget)
{
    struct discarded *discarded = CONTAINER_OF(item, struct discarded, item);

    if (db_free_rows(discarded->db, *budget)) {
        *budget = 0;
        return item;
    }
    --*budget;
    job_start(&discarded->job);
    return NULL;
}

void discard_db(struct db *db, struct group_commit *group_commit)
{
    struct discarded *discarded = NEW(struct discarded);

    assert(db);
    discarded->item.step = discarded_step;
    discarded->db = db;
    job_init(&discarded->job, group_commit, free_tables_mt, on_tables_freed);
    reclaim_add(&discarded->item);
}
