// SPDX-License-Identifier: Apache-2.0
// Rows share values with those of other databases, whose counts are not atomic: they are the engine
// thread's. What is left then are a few large pieces, which a helper thread gives back.
#include "daemon/discard.h"

#include "basic/text.h"
#include "store/job.h"

#define STEP_ROWS  64
#define STEP_BYTES 65536

struct discarded {
    struct list node;
    struct db *db;
    struct job job;
};

struct discard {
    struct list node;
    struct gate *gate;
    struct list items; // those with rows
};

struct discard *discard_new(struct gate *gate)
{
    struct discard *discard = NEW(struct discard);

    discard->gate = gate;
    list_init(&discard->items);
    texts_keep_dead(true);
    return discard;
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

void discard_db(struct discard *discard, struct db *db)
{
    struct discarded *item = NEW(struct discarded);

    item->db = db;
    job_init(&item->job, discard->gate, run_mt, on_done);
    list_push_back(&discard->items, &item->node);
}

bool discard_run(struct discard *discard)
{
    struct discarded *item;

    if (texts_free_some(STEP_BYTES) || changesets_free_some(STEP_ROWS)) {
        return true;
    }
    if (list_is_empty(&discard->items)) {
        return false;
    }
    item = LIST_FIRST(&discard->items, struct discarded, node);
    if (!db_free_rows(item->db, STEP_ROWS)) {
        list_remove(&item->node);
        job_start(&item->job);
    }
    return true;
}

// Known, so that it is no leak.
static struct list left = LIST_INIT(&left); // struct discard

void discard_leave(struct discard *discard)
{
    list_push_back(&left, &discard->node);
}
