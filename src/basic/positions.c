// SPDX-License-Identifier: Apache-2.0
#include "basic/positions.h"

void positions_init(struct positions *positions)
{
    *positions = (struct positions){0};
    list_init(&positions->waiters);
}

void positions_done(const struct positions *positions)
{
    assert(list_is_empty(&positions->waiters)); // I-6
}

uint64_t positions_issue(struct positions *positions)
{
    return ++positions->issued;
}

// Settles the waiters of positions up to `last`.
static void positions_settle(struct positions *positions, uint64_t last, bool is_lost)
{
    assert(last <= positions->issued); // I-6
    if (last <= positions->durable) {
        return;
    }
    positions->durable = last; // first: settled() may queue output that waits
    while (!list_is_empty(&positions->waiters)) {
        struct position_waiter *waiter =
            LIST_FIRST(&positions->waiters, struct position_waiter, node);

        if (waiter->position.value > last) {
            break;
        }
        list_remove(&waiter->node);
        waiter->settled(waiter, is_lost);
    }
}

void positions_advance(struct positions *positions, uint64_t durable)
{
    positions_settle(positions, durable, false);
}

void positions_lose(struct positions *positions)
{
    positions_settle(positions, positions->issued, true);
}

void position_wait(struct position position, struct position_waiter *waiter,
                   void (*settled)(struct position_waiter *waiter, bool is_lost))
{
    struct list *head = &position.log->waiters, *where = head;

    assert(!position_is_durable(position) && position.value <= position.log->issued);
    waiter->position = position;
    waiter->settled = settled;
    while (where->prev != head &&
           CONTAINER_OF(where->prev, struct position_waiter, node)->position.value >
               position.value) {
        where = where->prev;
    }
    list_insert_before(where, &waiter->node);
}

void position_waiter_cancel(struct position_waiter *waiter)
{
    list_remove(&waiter->node);
}
