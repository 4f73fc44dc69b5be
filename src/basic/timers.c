// SPDX-License-Identifier: Apache-2.0
#include "basic/timers.h"

#include <assert.h>

void timers_done(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}

static void heap_put(struct timers *timers, struct timer *timer, size_t position)
{
    timers->heap[position - 1] = timer;
    timer->position = position;
}

// Puts `timer` at `position` and moves it up or down until the heap is in order.
static void heap_sift(struct timers *timers, struct timer *timer, size_t position)
{
    assert(position >= 1 && position <= timers->n);
    while (position > 1 && timers->heap[position / 2 - 1]->deadline > timer->deadline) {
        heap_put(timers, timers->heap[position / 2 - 1], position);
        position /= 2;
    }
    for (;;) {
        size_t child = position * 2;

        if (child + 1 <= timers->n &&
            timers->heap[child]->deadline < timers->heap[child - 1]->deadline) {
            child++;
        }
        if (child > timers->n || timers->heap[child - 1]->deadline >= timer->deadline) {
            break;
        }
        heap_put(timers, timers->heap[child - 1], position);
        position = child;
    }
    heap_put(timers, timer, position);
}

void timers_set(struct timers *timers, struct timer *timer, usec_t deadline)
{
    timer->deadline = deadline;
    if (!timer->position) {
        GROW(timers->heap, timers->n, timers->capacity);
        timers->n++;
        heap_put(timers, timer, timers->n);
    }
    assert(timers->heap[timer->position - 1] == timer);
    heap_sift(timers, timer, timer->position);
}

void timers_clear(struct timers *timers, struct timer *timer)
{
    size_t position = timer->position;
    struct timer *last;

    if (!position) {
        return;
    }
    assert(position <= timers->n && timers->heap[position - 1] == timer);
    timer->position = 0;
    last = timers->heap[--timers->n];
    if (last != timer) {
        heap_sift(timers, last, position);
    }
}

usec_t timers_next(const struct timers *timers)
{
    return timers->n ? timers->heap[0]->deadline : USEC_INFINITY;
}

struct timer *timers_pop(struct timers *timers, usec_t now)
{
    struct timer *timer;

    if (!timers->n || timers->heap[0]->deadline > now) {
        return NULL;
    }
    timer = timers->heap[0];
    timers_clear(timers, timer);
    return timer;
}
