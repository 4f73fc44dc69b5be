// SPDX-License-Identifier: Apache-2.0
// Many deadlines behind one timer of the loop: a binary heap of embedded timers, 8 bytes each. What
// happens when one is due is for whoever takes it out to know.
#pragma once

#include "basic/alloc.h"
#include "basic/clock.h"

struct timer {
    usec_t deadline;
    size_t position; // in the heap, from 1; 0: not set
    // Where timers of several kinds share a heap. The timer is no longer set.
    void (*expired)(struct timer *timer, usec_t now);
};

struct timers {
    struct timer **heap;
    size_t n;
    size_t capacity;
};

void timers_done(struct timers *timers); // the timers stay the callers'
// Sets or moves a timer. O(log n).
void timers_set(struct timers *timers, struct timer *timer, usec_t deadline);
void timers_clear(struct timers *timers, struct timer *timer); // no-op when it is not set
usec_t timers_next(const struct timers *timers);               // USEC_INFINITY: none is set
// Takes the first timer out if it is due, else returns NULL.
struct timer *timers_pop(struct timers *timers, usec_t now);
