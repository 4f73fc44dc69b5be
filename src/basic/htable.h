// SPDX-License-Identifier: Apache-2.0
// A hash table of pointers, open addressing with linear probing: 16 bytes a slot, no memory of
// its own per item. It never looks into the items: the caller supplies the hash and compares.
// A zeroed struct is an empty table. Duplicates of a hash, and of an item, are allowed.
// A large table grows and shrinks in steps: while it has two arrays of slots, each change moves a
// few items from the one that is left to the other, so that none takes long.
#pragma once

#include "basic/macro.h"

#include <stdbool.h>

struct htable_slot {
    uint64_t hash; // the caller's, with bit 0 forced to 1; 0 is an empty slot
    void *item;
};

struct htable_slots {
    struct htable_slot *slots;
    size_t n; // a power of two, or 0
};

struct htable {
    struct htable_slots now;
    size_t n;                 // items
    struct htable_left *left; // the array that is left; NULL: all items are in the other
};

void htable_done(struct htable *table); // frees the slots, not the items; the table is empty
// O(1).
void htable_insert(struct htable *table, uint64_t hash, void *item);
// Removes this very pointer. Returns false when it is not there.
bool htable_remove(struct htable *table, uint64_t hash, const void *item);
// Replaces one pointer by another with the same hash. `old` must be there.
void htable_replace(struct htable *table, uint64_t hash, const void *old, void *item);

// The items with this hash, one after another: start with *state = 0 and call until NULL. The
// table must not change in between.
void *htable_next_with_hash(const struct htable *table, uint64_t hash, size_t *state);
// All items in no order, the same way.
void *htable_next(const struct htable *table, size_t *state);

// A walk that can be interrupted by changes: the items lie on a line by their hashes, at places
// that stay the same when the table grows or shrinks. Start with position 0. Each call visits the
// items of the next stretch of the line, few of them on average, and returns the position behind
// it; HTABLE_END after the last stretch. visit() must not change the table.
#define HTABLE_END UINT64_MAX
uint64_t htable_scan(const struct htable *table, uint64_t position,
                     void (*visit)(void *userdata, void *item), void *userdata);
// True if the walk at this position has come past items with this hash.
bool htable_is_scanned(uint64_t hash, uint64_t position);

#define HTABLE_FOREACH_WITH_HASH(var, table, hash)                                                 \
    for (size_t var##_state = 0; (var = htable_next_with_hash((table), (hash), &var##_state));)
#define HTABLE_FOREACH(var, table)                                                                 \
    for (size_t var##_state = 0; (var = htable_next((table), &var##_state));)
