// SPDX-License-Identifier: Apache-2.0
#include "basic/reclaim.h"

#include <assert.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>

// The queue: a stack, so that the objects of a large database which is being freed do not pile up
// behind it. Helper threads read only the first two members, which are set while there are none.
static struct {
    bool has_owner;
    pthread_t owner;
    struct reclaim_item *first;
    // Objects that reclaim_stop() has left, so that leak checkers do not report them.
    struct reclaim_item *left;
} queue;

static bool is_owner(void)
{
    return queue.has_owner && pthread_equal(queue.owner, pthread_self());
}

void reclaim_start(void)
{
    assert(!queue.has_owner);
    queue.owner = pthread_self();
    queue.has_owner = true;
}

void reclaim_stop(void)
{
    assert(is_owner());
    queue.has_owner = false;
    while (queue.first) {
        struct reclaim_item *item = queue.first;

        queue.first = item->next;
        item->next = queue.left;
        queue.left = item;
    }
}

// Calls the step of `item` and of those that follow it until `*budget` is used up. Returns the item
// that is left, or NULL.
static struct reclaim_item *reclaim_steps(struct reclaim_item *item, size_t *budget)
{
    while (item && *budget) {
        item = item->step(item, budget);
    }
    return item;
}

void reclaim_add(struct reclaim_item *item)
{
    assert(item->step);
    if (is_owner()) {
        item->next = queue.first;
        queue.first = item;
        return;
    }
    while (item) {
        size_t budget = SIZE_MAX;

        item = reclaim_steps(item, &budget);
    }
}

bool reclaim_run(size_t budget)
{
    assert(is_owner());
    while (queue.first && budget) {
        struct reclaim_item *item = queue.first;

        queue.first = item->next; // a step may add items
        item = reclaim_steps(item, &budget);
        if (item) {
            reclaim_add(item);
        }
    }
    return queue.first;
}

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
