// SPDX-License-Identifier: Apache-2.0
// Construction of the nodes of sets and maps, from leaves to the root.
//
// While the elements are collected, the atoms of a set are one after another, and those of a map in
// pairs: key, value, key, value. The "step" is the number of atoms of an element, 1 or 2.
#pragma once

#include "model/elems.h"

// Subtrees of one height, in the order of their keys. All have the minimum size, unless there is
// only one. Owns a reference to each.
struct elems_level {
    struct elems_child *list;
    size_t n, capacity;
    enum atom_type key, value;
};

void level_done(struct elems_level *level);
// Adds a subtree after the others and takes the reference. Joins it with the last one if one of the
// two is below the minimum size.
void level_add(struct elems_level *level, struct elems_child child);
// Adds leaves with `n` elements: keys[0], keys[step], ..., and values likewise (NULL in a set).
// Takes the atoms.
void level_add_leaves(struct elems_level *level, const union atom *keys, const union atom *values,
                      uint32_t step, size_t n);
// Adds inner nodes whose children are all of `below`, which is empty afterwards.
void level_add_parents(struct elems_level *level, struct elems_level *below);
// Adds levels until there is one node, and returns it in the form that a root must have. NULL if
// the level is empty. The level is empty afterwards.
struct datum_elems *level_end(struct elems_level *level);

// Builds a set or map from `n` collected elements and takes their atoms; *ret is NULL if n is 0.
// Sorts the elements unless `is_sorted` says that the keys are strictly ascending. If a key occurs
// twice, returns an "ovsdb error"; the atoms stay with the caller then. O(n log n), O(n) if sorted.
struct ovsdb_error *elems_finish(enum atom_type key, uint32_t step, union atom *atoms, uint32_t n,
                                 bool is_sorted, struct datum_elems **ret);
// The same from `n` sorted keys and, in a map, `n` values. Takes the atoms. O(n).
struct datum_elems *elems_from_arrays(const union atom *keys, const union atom *values, uint32_t n);
