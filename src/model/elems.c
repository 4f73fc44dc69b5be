// SPDX-License-Identifier: Apache-2.0
// Nodes: release, look-up, hashes, checks. They are built in elems_build.c and elems_edit.c.
#include "model/elems.h"

#include <assert.h>

// A function for each type, because sorting calls it often.
#define DEFINE_COMPARATOR(name, type)                                                              \
    static int name(const void *a, const void *b)                                                  \
    {                                                                                              \
        return atom_compare(*(const union atom *)a, *(const union atom *)b, type);                 \
    }
DEFINE_COMPARATOR(compare_integers, ATOM_INTEGER)
DEFINE_COMPARATOR(compare_reals, ATOM_REAL)
DEFINE_COMPARATOR(compare_booleans, ATOM_BOOLEAN)
DEFINE_COMPARATOR(compare_strings, ATOM_STRING)
DEFINE_COMPARATOR(compare_uuids, ATOM_UUID)

atom_comparator *atom_comparator_of(enum atom_type type)
{
    static atom_comparator *const comparators[ATOM_N_TYPES] = {
        [ATOM_INTEGER] = compare_integers, [ATOM_REAL] = compare_reals,
        [ATOM_BOOLEAN] = compare_booleans, [ATOM_STRING] = compare_strings,
        [ATOM_UUID] = compare_uuids,
    };

    assert(type > ATOM_VOID && type < ATOM_N_TYPES);
    return comparators[type];
}

void atoms_release(union atom *atoms, size_t n, enum atom_type type)
{
    if (type == ATOM_STRING) {
        for (size_t i = 0; i < n; i++) {
            atom_done(atoms[i], type);
        }
    }
}

static void free_leaf(struct elems_leaf *leaf, enum atom_type key, enum atom_type value)
{
    atoms_release(leaf->atoms, leaf->head.n, key);
    if (value != ATOM_VOID) {
        atoms_release(leaf->atoms + leaf->head.n, leaf->head.n, value);
    }
    free(leaf);
}

// The recursion is as deep as the tree is high.
void elems_unref(struct datum_elems *elems, enum atom_type key, enum atom_type value)
{
    if (!elems) {
        return;
    }
    assert(elems->refs);
    if (--elems->refs) {
        return;
    }
    if (!elems->is_inner) {
        free_leaf((struct elems_leaf *)elems, key, value);
        return;
    }
    for (uint32_t i = 0; i < elems_inner(elems)->n_children; i++) {
        elems_unref(elems_inner(elems)->children[i].node, key, value);
    }
    free(elems);
}

static const union atom *leaf_find(const struct elems_leaf *leaf, enum atom_type type,
                                   union atom key)
{
    uint32_t low = 0, high = leaf->head.n;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int cmp = atom_compare(key, leaf->atoms[middle], type);

        if (!cmp) {
            return &leaf->atoms[middle];
        }
        if (cmp < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

// The last child whose first key is not greater than `key`, or the first child.
static const struct datum_elems *inner_find(const struct elems_inner *inner, enum atom_type type,
                                            union atom key)
{
    uint32_t low = 1, high = inner->n_children;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (atom_compare(key, inner->children[middle].key, type) < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return inner->children[low - 1].node;
}

const union atom *elems_find(const struct datum_elems *elems, enum atom_type type, union atom key,
                             const union atom **ret_value)
{
    const union atom *found;

    if (!elems) {
        return NULL;
    }
    while (elems->is_inner) {
        elems = inner_find(elems_inner(elems), type, key);
    }
    found = leaf_find(elems_leaf(elems), type, key);
    if (found && ret_value) {
        *ret_value = found + elems->n;
    }
    return found;
}

uint64_t elems_hash(const struct datum_elems *elems, enum atom_type key, enum atom_type value)
{
    uint64_t sum = 0;

    if (elems->is_inner) {
        struct elems_inner *inner = (struct elems_inner *)elems;

        for (uint32_t i = 0; i < inner->n_children; i++) {
            struct elems_child *child = &inner->children[i];

            if (!child->hash) {
                child->hash = elems_hash(child->node, key, value);
            }
            sum += child->hash;
        }
        return sum;
    }
    for (uint32_t i = 0; i < elems->n; i++) {
        const union atom *atoms = elems_leaf(elems)->atoms;
        uint64_t hash = atom_hash(atoms[i], key, 0);

        sum += value == ATOM_VOID ? hash : atom_hash(atoms[elems->n + i], value, hash);
    }
    return sum;
}

static const char *check_leaf(const struct elems_leaf *leaf, enum atom_type key, bool is_root)
{
    if (!leaf->head.n || leaf->head.n > LEAF_MAX || (!is_root && leaf->head.n < LEAF_MIN)) {
        return "a leaf of a value has a wrong size";
    }
    for (uint32_t i = 1; i < leaf->head.n; i++) {
        if (atom_compare(leaf->atoms[i - 1], leaf->atoms[i], key) >= 0) {
            return "the keys of a value are not ascending (I-2)";
        }
    }
    return NULL;
}

// True if the last key of `elems` is less than `key`.
static bool keys_are_apart(const struct datum_elems *elems, union atom key, enum atom_type type)
{
    while (elems->is_inner) {
        elems = elems_inner(elems)->children[elems_inner(elems)->n_children - 1].node;
    }
    return atom_compare(elems_leaf(elems)->atoms[elems->n - 1], key, type) < 0;
}

static const char *check_node(const struct datum_elems *elems, enum atom_type key, bool is_root);

static const char *check_inner(const struct elems_inner *inner, enum atom_type key, bool is_root)
{
    size_t n = 0;

    if (inner->n_children < (is_root ? 2 : INNER_MIN) || inner->n_children > INNER_MAX ||
        (is_root && inner->head.n <= LEAF_MAX)) {
        return "an inner node of a value has a wrong size";
    }
    for (uint32_t i = 0; i < inner->n_children; i++) {
        const struct elems_child *child = &inner->children[i];
        const char *problem = check_node(child->node, key, false);

        if (problem) {
            return problem;
        }
        n += child->node->n;
        if (elems_height(child->node) != inner->height - 1 ||
            atom_compare(child->key, *elems_first(child->node), key) != 0) {
            return "an inner node of a value does not fit its children";
        }
        // The child's last key is less than the next child's first key.
        if (i && !keys_are_apart(inner->children[i - 1].node, child->key, key)) {
            return "the keys of a value are not ascending (I-2)";
        }
    }
    return n == inner->head.n ? NULL : "an inner node of a value counts its elements wrongly";
}

static const char *check_node(const struct datum_elems *elems, enum atom_type key, bool is_root)
{
    assert(elems->refs);
    return elems->is_inner ? check_inner(elems_inner(elems), key, is_root)
                           : check_leaf(elems_leaf(elems), key, is_root);
}

const char *elems_check(const struct datum_elems *elems, enum atom_type key)
{
    return elems ? check_node(elems, key, true) : NULL;
}
