// SPDX-License-Identifier: Apache-2.0
// A hash table of pointers: open addressing with linear probing, 16 bytes for each slot, no other
// memory for an item. The table never reads the items: the caller passes the hash and compares.
// A zeroed struct is an empty table. Several items may have the same hash, and the same pointer may
// be in the table several times.
// A large table is resized in steps: it has two arrays of slots for a while, and each insertion and
// removal moves a few items from the old array to the new one, so that no single call takes long.
#pragma once

#include "basic/macro.h"

#include <stdbool.h>

struct htable_slot {
    uint64_t hash; // the caller's hash with bit 0 set; 0 marks an empty slot
    void *item;
};

struct htable_slots {
    struct htable_slot *slots;
    size_t n; // a power of two, or 0
};

struct htable {
    struct htable_slots now;  // the current array
    size_t n;                 // items in both arrays
    struct htable_left *left; // the old array while the table is resized, else NULL
};

// Frees the slots, not the items. The table is empty then.
void htable_done(struct htable *table);
// Adds `item`, which is not NULL. O(1).
void htable_insert(struct htable *table, uint64_t hash, void *item);
// Removes the pointer `item`, which was inserted with `hash`. Returns false if the table lacks it.
bool htable_remove(struct htable *table, uint64_t hash, const void *item);
// Replaces the pointer `old`, which must be in the table, by `item` with the same hash.
void htable_replace(struct htable *table, uint64_t hash, const void *old, void *item);

// Iterates over the items with this hash: set *state to 0, then call until the result is NULL. The
// table must not change meanwhile.
void *htable_next_with_hash(const struct htable *table, uint64_t hash, size_t *state);
// Iterates over all items in an unspecified order, in the same way.
void *htable_next(const struct htable *table, size_t *state);

// A scan of all items during which the table may change between calls. Each hash has a position in
// the scan, which does not depend on the size of the table. Start with position 0. Each call visits
// the items in the next interval of positions, few on average, and returns the position after it,
// or HTABLE_END after the last interval. An item that stays in the table is visited exactly once.
// visit() must not change the table.
#define HTABLE_END UINT64_MAX
uint64_t htable_scan(const struct htable *table, uint64_t position,
                     void (*visit)(void *userdata, void *item), void *userdata);
// True if a scan that has reached `position` has already visited the items with this hash.
bool htable_is_scanned(uint64_t hash, uint64_t position);

#define HTABLE_FOREACH_WITH_HASH(var, table, hash)                                                 \
    for (size_t var##_state = 0; (var = htable_next_with_hash((table), (hash), &var##_state));)
#define HTABLE_FOREACH(var, table)                                                                 \
    for (size_t var##_state = 0; (var = htable_next((table), &var##_state));)
