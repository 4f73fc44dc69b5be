// SPDX-License-Identifier: Apache-2.0
// Iteration over the elements of a set or map in the order of their keys, and over the differences
// between two of them.
#pragma once

#include "model/elems.h"

struct elems_path {
    const struct elems_inner *node;
    uint32_t next; // the child after the current one
};

//     for (elems_start(&cursor, elems, is_map); cursor.key; elems_next(&cursor))
struct elems_cursor {
    const union atom *key;   // NULL after the last element
    const union atom *value; // NULL in a set
    uint32_t n_left;         // elements after this one in its leaf
    uint32_t depth;
    bool is_map;
    struct elems_path path[ELEMS_HEIGHT_MAX];
};

// `elems` may be NULL.
void elems_start(struct elems_cursor *cursor, const struct datum_elems *elems, bool is_map);
void elems_next_leaf(struct elems_cursor *cursor); // for elems_next()

static inline void elems_next(struct elems_cursor *cursor)
{
    if (!cursor->n_left) {
        elems_next_leaf(cursor);
        return;
    }
    cursor->n_left--;
    cursor->key++;
    if (cursor->is_map) {
        cursor->value++;
    }
}

// One of the two trees that elems_delta compares.
struct elems_side {
    const struct datum_elems *node; // not entered yet if it is an inner node; NULL at the end
    uint32_t i;                     // the element of the leaf
    uint32_t depth;
    size_t size; // bytes of the nodes so far that the other side does not share
    struct elems_path path[ELEMS_HEIGHT_MAX];
};

//     for (elems_delta_start(&delta, ...); elems_delta_next(&delta);)
struct elems_delta {
    // The element before and after. The key is NULL on the side that lacks it; if both sides have
    // it, their values differ. The values are NULL in sets.
    const union atom *old_key, *old_value;
    const union atom *new_key, *new_value;
    enum atom_type key, value;
    struct elems_side old, new;
};

// Visits the elements that are not the same in `old` and `new`, which may be NULL, in the order of
// their keys. Skips shared nodes: O(changed * log n) if `new` was made from `old`, else O(n + m).
void elems_delta_start(struct elems_delta *delta, const struct datum_elems *old,
                       const struct datum_elems *new, enum atom_type key, enum atom_type value);
bool elems_delta_next(struct elems_delta *delta); // false after the last one
