// SPDX-License-Identifier: Apache-2.0
// The arrays of atoms that sets and maps consist of. Immutable once built, and shared by reference
// counting. Below types and datums: the functions take the types of the atoms.
//
// While the elements are collected, the atoms of a set are one after another, and those of a map in
// pairs: key, value, key, value. The "step" is the number of atoms of an element, 1 or 2.
#pragma once

#include "model/atom.h"

struct datum_elems {
    uint32_t refs;
    uint32_t n;         // elements or pairs, > 0
    union atom atoms[]; // n keys, strictly ascending (I-2); in a map followed by n values
};

// Compares two atoms of one type. The arguments point to atoms, as qsort() passes them.
typedef int atom_comparator(const void *a, const void *b);
atom_comparator *atom_comparator_of(enum atom_type type);

// The index of `key` among the `n` ascending keys, -1 if it is not there. O(log n).
int64_t atoms_find(const union atom *keys, uint32_t n, enum atom_type type, union atom key);
// Releases `n` atoms, not the array.
void atoms_release(union atom *atoms, size_t n, enum atom_type type);

// Allocates room for `n` > 0 elements. The atoms are not initialised. Returns one reference.
struct datum_elems *elems_new(uint32_t step, uint32_t n);
// Releases a reference. `value` is ATOM_VOID for a set. `elems` may be NULL, which is an empty set
// or map.
void elems_unref(struct datum_elems *elems, enum atom_type key, enum atom_type value);
// Builds the array from `n` collected elements and takes their atoms; *ret is NULL if n is 0. Sorts
// the elements unless `is_sorted` says that the keys are strictly ascending. If a key occurs twice,
// returns an "ovsdb error"; the atoms stay with the caller then. O(n log n), O(n) if sorted.
struct ovsdb_error *elems_finish(enum atom_type key, uint32_t step, union atom *atoms, uint32_t n,
                                 bool is_sorted, struct datum_elems **ret);
