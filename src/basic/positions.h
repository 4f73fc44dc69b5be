// SPDX-License-Identifier: Apache-2.0
// The positions of a commit log, and the outputs that wait for them.
//
// A commit log issues a position for each durable commit: 1, 2, 3, ... A position is durable when
// its commit and all earlier ones would survive a power failure. Output that shows a database waits
// for the last position that the log of this database has issued (I-6).
//
//     positions_issue() --> positions_advance() --> settled(waiter, false), oldest position first
//                        -->  positions_lose()     -->  settled(waiter, true)
//
// One thread. The positions must outlive all that waits for them: before a log is freed, all its
// positions are durable or lost (positions_done()).
#pragma once

#include "basic/list.h"

#include <stdbool.h>
#include <stdint.h>

struct positions {
    uint64_t issued;     // the last position; 0 before the first
    uint64_t durable;    // nothing has to wait for this position or an earlier one
    struct list waiters; // in order of position
};

// A position of a log. POSITION_NONE: of no log; nothing has to wait for it.
struct position {
    struct positions *log;
    uint64_t value;
};
#define POSITION_NONE ((struct position){0})

struct position_waiter {
    struct list node; // log->waiters
    struct position position;
    // The position is durable or, with `is_lost`, will never be. The waiter is in no list any more
    // and may be freed. This function may cancel other waiters.
    void (*settled)(struct position_waiter *waiter, bool is_lost);
};

void positions_init(struct positions *positions);
// Asserts that nothing waits.
void positions_done(const struct positions *positions);
// Returns the next position.
uint64_t positions_issue(struct positions *positions);
// All positions up to `durable` are durable. No effect if they were before. O(waiters settled).
void positions_advance(struct positions *positions, uint64_t durable);
// The positions that are issued and not durable will never be durable. Nothing waits for them any
// more. O(waiters settled).
void positions_lose(struct positions *positions);

static inline struct position positions_last(struct positions *positions)
{
    return (struct position){positions, positions->issued};
}

static inline bool position_is_durable(struct position position)
{
    return !position.log || position.value <= position.log->durable;
}

// Waits for `position`, which must not be durable. Positions are nearly always waited for in order,
// so the search for the place in the list, from its end, nearly always ends at once.
void position_wait(struct position position, struct position_waiter *waiter,
                   void (*settled)(struct position_waiter *waiter, bool is_lost));
// Stops waiting. No effect if the position is settled.
void position_waiter_cancel(struct position_waiter *waiter);
