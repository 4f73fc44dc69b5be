// SPDX-License-Identifier: Apache-2.0
// Frees large objects that are no longer used in small steps, because freeing a large database at
// once takes seconds: long texts, change sets, and databases that were converted or removed.
//
// One thread, the engine thread, has the queue. It takes over objects with reclaim_add() and frees
// some of them with reclaim_run() in each turn of its loop. In programs without a queue, and in
// helper threads, reclaim_add() frees the object at once.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// An unused object in the queue. The object contains it, possibly in memory that had another use.
struct reclaim_item {
    struct reclaim_item *next; // private
    // Frees a part of the object and takes what this cost, at most all, from *budget, which is not
    // 0. Returns the item if a part is left; another item that is to be freed next and is not in
    // the queue; or NULL if the object is gone. One unit is a row, or 1 kB of a text.
    struct reclaim_item *(*step)(struct reclaim_item *item, size_t *budget);
};

// Makes the calling thread the owner of the queue. The queue must not have an owner (asserted).
void reclaim_start(void);
// Ends the ownership. Objects that still wait are left to the end of the process, because freeing
// them would delay a restart.
void reclaim_stop(void);
// Takes over an unused object. `step` must be set.
void reclaim_add(struct reclaim_item *item);
// Frees objects that cost about `budget` units, the newest first. Returns true if objects are left.
// Only the owner may call it (asserted).
bool reclaim_run(size_t budget);

// Sets options of malloc() so that no call of free() takes long. Call it at the start of main().
void reclaim_set_malloc_options(void);
// Returns free memory to the system, which malloc() does not do with these options. O(heap).
void reclaim_trim(void);
