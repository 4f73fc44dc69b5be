// SPDX-License-Identifier: Apache-2.0
// From a hash to the set of items with this hash. A single item costs one slot of a hash table;
// only a hash with several items gets a set of its own, so that adding and removing stay O(1) even
// if all items share one hash (a column in which every row has the same value).
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
// False if the item is there already under this hash.
bool multimap_add(struct multimap *map, uint64_t hash, void *item);
// False if it is not there.
bool multimap_remove(struct multimap *map, uint64_t hash, void *item);
// How many items have this hash.
size_t multimap_count(const struct multimap *map, uint64_t hash);
// The items with this hash, in no order: start, then call next until NULL. No changes in between.
void multimap_start(const struct multimap *map, uint64_t hash, struct multimap_cursor *cursor);
void *multimap_next(struct multimap_cursor *cursor);
