// SPDX-License-Identifier: Apache-2.0
// The elements of sets and maps: persistent, reference-counted B+ trees. A set or map of at most
// LEAF_MAX elements is one leaf, which is a sorted array. A larger one is a tree of leaves. Nodes
// are immutable; a changed set shares all nodes with the former one except those on the paths to
// the changed elements. Below types and datums: the functions take the types of the atoms, and
// `value` is ATOM_VOID for a set. NULL is an empty set or map.
//
// Nodes that are not the root have at least LEAF_MIN elements or INNER_MIN children. A leaf is
// allocated with its exact size, so a tree built from many elements needs 5 % more memory than an
// array.
#pragma once

#include "model/atom.h"

#define LEAF_MAX  64
#define LEAF_MIN  16
#define INNER_MAX 32
#define INNER_MIN 8
#define ELEMS_MAX (UINT32_MAX / 2) // elements of one set or map
// The most inner nodes on a path: ELEMS_MAX elements in leaves and inner nodes of minimum size.
#define ELEMS_HEIGHT_MAX 10

// What leaves and inner nodes begin with.
struct datum_elems {
    uint32_t refs;
    uint32_t n : 31; // elements or pairs in all leaves, > 0
    uint32_t is_inner : 1;
};

struct elems_leaf {
    struct datum_elems head;
    union atom atoms[]; // n keys, strictly ascending (I-2); in a map followed by n values
};

struct elems_child {
    struct datum_elems *node;
    uint64_t hash;  // of its elements, see elems_hash(); 0: not computed yet
    union atom key; // its first key, borrowed from the leaf that holds it
};

struct elems_inner {
    struct datum_elems head;
    uint32_t n_children;
    uint32_t height; // of the tree below; 1 if the children are leaves
    struct elems_child children[];
};

// Compares two atoms of one type. The arguments point to atoms, as qsort() passes them.
typedef int atom_comparator(const void *a, const void *b);
atom_comparator *atom_comparator_of(enum atom_type type);

// Releases `n` atoms, not the array.
void atoms_release(union atom *atoms, size_t n, enum atom_type type);

static inline const struct elems_leaf *elems_leaf(const struct datum_elems *elems)
{
    assert(!elems->is_inner);
    return (const struct elems_leaf *)elems;
}
static inline const struct elems_inner *elems_inner(const struct datum_elems *elems)
{
    assert(elems->is_inner);
    return (const struct elems_inner *)elems;
}
// The first key. Stays valid as long as `elems`.
static inline const union atom *elems_first(const struct datum_elems *elems)
{
    return elems->is_inner ? &elems_inner(elems)->children[0].key : elems_leaf(elems)->atoms;
}
static inline uint32_t elems_height(const struct datum_elems *elems)
{
    return elems->is_inner ? elems_inner(elems)->height : 0;
}
static inline struct datum_elems *elems_ref(const struct datum_elems *elems)
{
    struct datum_elems *node = (struct datum_elems *)elems;

    assert(node->refs && node->refs < UINT32_MAX);
    node->refs++;
    return node;
}
// Releases a reference.
void elems_unref(struct datum_elems *elems, enum atom_type key, enum atom_type value);

// Finds `key`. Returns it in the leaf, or NULL. *ret_value, unless that is NULL, is set to the
// value of a map. O(log n).
const union atom *elems_find(const struct datum_elems *elems, enum atom_type type, union atom key,
                             const union atom **ret_value);
// A hash of the elements that does not depend on the form of the tree. Keeps the hashes of
// subtrees, so that the hash of a changed set costs O(changed * log n). Only on the thread that
// owns the set.
uint64_t elems_hash(const struct datum_elems *elems, enum atom_type key, enum atom_type value);

enum elems_edit {
    ELEMS_ADD,         // add the elements of b whose keys a lacks
    ELEMS_REMOVE,      // remove the elements of a that are in b
    ELEMS_REMOVE_KEYS, // remove the elements of a whose keys are in b; b may be a set, a a map
    ELEMS_TOGGLE,      // add those that a lacks, remove those that it has, and set other values
};
// Applies `b` to `a`. The caller keeps its references; returns a reference to `a` if nothing
// changes. O(m log n) for m elements in b, and O(n + m) at most.
struct datum_elems *elems_edit(const struct datum_elems *a, const struct datum_elems *b,
                               enum elems_edit edit, enum atom_type key, enum atom_type value);

// Checks the order of the keys, and the sizes and heights of all nodes. Returns the problem, or
// NULL. O(n).
const char *elems_check(const struct datum_elems *elems, enum atom_type key);
