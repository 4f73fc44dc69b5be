// SPDX-License-Identifier: Apache-2.0
// A map from a hash to the set of items with this hash. A hash with one item takes one slot of a
// hash table. A hash with several items gets a set of its own, so that adding and removing are O(1)
// even if all items have the same hash (a column with the same value in every row).
#pragma once

#include "basic/htable.h"

// A zeroed struct is empty.
struct multimap {
    struct htable groups;
    size_t n; // items
};

struct multimap_cursor {
    const struct htable *group;
    void *single;
    size_t state;
};

void multimap_done(struct multimap *map);
// Adds an item. Returns false if the map has it under this hash already.
bool multimap_add(struct multimap *map, uint64_t hash, void *item);
// Removes an item. Returns false if the map does not have it under this hash.
bool multimap_remove(struct multimap *map, uint64_t hash, void *item);
// The number of items with this hash.
size_t multimap_count(const struct multimap *map, uint64_t hash);
// Visits the items with this hash, in no particular order: start, then call next until it returns
// NULL. The map must not change in between.
void multimap_start(const struct multimap *map, uint64_t hash, struct multimap_cursor *cursor);
void *multimap_next(struct multimap_cursor *cursor);
