// SPDX-License-Identifier: Apache-2.0
// A binary heap of deadlines, so that one timer of the event loop serves them all. The timers are
// embedded in the objects of the callers. The caller takes out the timers that are due and acts on
// them.
#pragma once

#include "basic/alloc.h"
#include "basic/clock.h"

struct timer {
    usec_t deadline;
    size_t position; // in the heap, counted from 1; 0 if the timer is not set
    // What to do when it is due, where timers of several kinds share a heap: the caller of
    // timers_pop() calls it. The timer is no longer set then.
    void (*expired)(struct timer *timer, usec_t now);
};

struct timers {
    struct timer **heap;
    size_t n;
    size_t capacity;
};

// Frees the heap, not the timers, which must not be used with it any more.
void timers_done(struct timers *timers);
// Sets a timer, or changes its deadline if it is set. O(log n).
void timers_set(struct timers *timers, struct timer *timer, usec_t deadline);
// Clears a timer. Does nothing if it is not set. O(log n).
void timers_clear(struct timers *timers, struct timer *timer);
// The earliest deadline, USEC_INFINITY if no timer is set.
usec_t timers_next(const struct timers *timers);
// Clears the first timer and returns it if its deadline has passed at `now`, else returns NULL.
struct timer *timers_pop(struct timers *timers, usec_t now);
