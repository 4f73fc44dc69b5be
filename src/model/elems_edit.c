// SPDX-License-Identifier: Apache-2.0
// Changes of sets and maps. The changes are a sorted array. On the way down each inner node divides
// them among its children; each leaf is merged with its part. Nodes without changes are shared.
#include "model/elems_build.h"
#include "model/elems_cursor.h"

#include <assert.h>

// A sorted array of elements, borrowed. In a set `values` is NULL.
struct changes {
    const union atom *keys;
    const union atom *values;
    size_t n;
};

struct edit {
    enum elems_edit kind;
    enum atom_type key, value;
    struct changes changes;
};

// A leaf under construction.
struct merge {
    const struct edit *edit;
    union atom *keys, *values;
    size_t n, capacity;
};

static void merge_put(struct merge *merge, const union atom *key, const union atom *value)
{
    const struct edit *edit = merge->edit;

    assert(merge->n < merge->capacity);
    assert(!merge->n || atom_compare(merge->keys[merge->n - 1], *key, edit->key) < 0); // I-2
    merge->keys[merge->n] = atom_copy(*key, edit->key);
    if (edit->value != ATOM_VOID) {
        merge->values[merge->n] = atom_copy(*value, edit->value);
    }
    merge->n++;
}

// The value of change `i`, or NULL if it has only a key.
static const union atom *change_value(const struct edit *edit, size_t i)
{
    return edit->changes.values ? &edit->changes.values[i] : NULL;
}

static bool values_equal(const struct edit *edit, const union atom *a, const union atom *b)
{
    return edit->value == ATOM_VOID || atom_equals(*a, *b, edit->value);
}

// Handles a key that both the leaf, with value `old`, and the changes, with value `new`, have.
static void merge_both(struct merge *merge, const union atom *key, const union atom *old,
                       const union atom *new)
{
    const struct edit *edit = merge->edit;
    bool is_same = edit->kind == ELEMS_REMOVE_KEYS || values_equal(edit, old, new);

    if (edit->kind == ELEMS_ADD || (edit->kind == ELEMS_REMOVE && !is_same)) {
        merge_put(merge, key, old);
    } else if (edit->kind == ELEMS_TOGGLE && !is_same) {
        merge_put(merge, key, new);
    }
}

static void merge_leaf(struct merge *merge, const struct elems_leaf *leaf, size_t from, size_t to)
{
    const struct edit *edit = merge->edit;
    const struct changes *changes = &edit->changes;
    const union atom *keys = leaf->atoms, *values = leaf->atoms + leaf->head.n;
    bool is_adding = edit->kind == ELEMS_ADD || edit->kind == ELEMS_TOGGLE;

    for (uint32_t i = 0; i < leaf->head.n || from < to;) {
        int cmp = i == leaf->head.n ? 1
                  : from == to      ? -1
                                    : atom_compare(keys[i], changes->keys[from], edit->key);
        const union atom *new = change_value(edit, from);

        if (cmp < 0) {
            merge_put(merge, &keys[i], &values[i]);
        } else if (!cmp) {
            merge_both(merge, &keys[i], &values[i], new);
        } else if (is_adding) {
            merge_put(merge, &changes->keys[from], new);
        }
        i += cmp <= 0;
        from += cmp >= 0;
    }
}

// True if the changes from `from` to `to` make a difference to the leaf.
static bool leaf_changes(const struct edit *edit, const struct elems_leaf *leaf, size_t from,
                         size_t to)
{
    if (edit->kind == ELEMS_TOGGLE) {
        return from < to;
    }
    for (; from < to; from++) {
        const union atom *value = NULL;
        const union atom *found =
            elems_find(&leaf->head, edit->key, edit->changes.keys[from], &value);

        if (edit->kind == ELEMS_ADD
                ? !found
                : found && (edit->kind == ELEMS_REMOVE_KEYS ||
                            values_equal(edit, value, change_value(edit, from)))) {
            return true;
        }
    }
    return false;
}

static void edit_leaf(const struct edit *edit, const struct elems_leaf *leaf, size_t from,
                      size_t to, struct elems_level *level)
{
    size_t capacity = leaf->head.n + (to - from);
    union atom on_stack[4 * LEAF_MAX];
    _cleanup_free_ union atom *allocated =
        capacity > 2 * LEAF_MAX ? NEW_ARRAY(union atom, 2 * capacity) : NULL;
    union atom *atoms = allocated ? allocated : on_stack;
    struct merge merge = {
        .edit = edit, .keys = atoms, .values = atoms + capacity, .capacity = capacity};

    merge_leaf(&merge, leaf, from, to);
    level_add_leaves(level, merge.keys, edit->value == ATOM_VOID ? NULL : merge.values, 1, merge.n);
}

// The first change from `from` to `to` whose key is not less than `key`.
static size_t find_change(const struct edit *edit, size_t from, size_t to, union atom key)
{
    while (from < to) {
        size_t middle = (from + to) / 2;

        if (atom_compare(edit->changes.keys[middle], key, edit->key) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static bool has_same_children(const struct elems_inner *inner, const struct elems_level *children)
{
    if (children->n != inner->n_children) {
        return false;
    }
    for (uint32_t i = 0; i < inner->n_children; i++) {
        if (children->list[i].node != inner->children[i].node) {
            return false;
        }
    }
    return true;
}

// Applies the changes from `from` to `to` to a subtree and adds the result to `level`: nothing, or
// subtrees of the same height. The recursion is as deep as the tree is high.
static void edit_node(const struct edit *edit, const struct elems_child *child, size_t from,
                      size_t to, struct elems_level *level)
{
    struct elems_level children = {.key = edit->key, .value = edit->value};
    const struct elems_inner *inner;

    if (from == to ||
        (!child->node->is_inner && !leaf_changes(edit, elems_leaf(child->node), from, to))) {
        elems_ref(child->node);
        level_add(level, *child);
        return;
    }
    if (!child->node->is_inner) {
        edit_leaf(edit, elems_leaf(child->node), from, to, level);
        return;
    }
    inner = elems_inner(child->node);
    for (uint32_t i = 0; i < inner->n_children; i++) {
        size_t end = i + 1 < inner->n_children
                         ? find_change(edit, from, to, inner->children[i + 1].key)
                         : to;

        edit_node(edit, &inner->children[i], from, end, &children);
        from = end;
    }
    if (has_same_children(inner, &children)) {
        level_done(&children);
        elems_ref(child->node);
        level_add(level, *child);
    } else {
        level_add_parents(level, &children);
    }
}

// Copies the elements of a tree into `atoms`, which has room for its keys and, in a map, values.
static void copy_changes(struct changes *changes, const struct datum_elems *elems, bool is_map,
                         union atom *atoms)
{
    struct elems_cursor cursor;
    size_t i = 0;

    for (elems_start(&cursor, elems, is_map); cursor.key; elems_next(&cursor)) {
        atoms[i] = *cursor.key;
        if (is_map) {
            atoms[elems->n + i] = *cursor.value;
        }
        i++;
    }
    *changes = (struct changes){atoms, is_map ? atoms + elems->n : NULL, elems->n};
}

struct datum_elems *elems_edit(const struct datum_elems *a, const struct datum_elems *b,
                               enum elems_edit kind, enum atom_type key, enum atom_type value)
{
    bool is_adding = kind == ELEMS_ADD || kind == ELEMS_TOGGLE;
    bool b_is_map = value != ATOM_VOID && kind != ELEMS_REMOVE_KEYS;
    struct elems_level level = {.key = key, .value = value};
    struct edit edit = {.kind = kind, .key = key, .value = value};
    _cleanup_free_ union atom *atoms = NULL;

    if (!a || !b) {
        const struct datum_elems *result = a ? a : is_adding ? b : NULL;

        return result ? elems_ref(result) : NULL;
    }
    if (b->is_inner) {
        atoms = NEW_ARRAY(union atom, (b_is_map ? 2 : 1) * (size_t)b->n);
        copy_changes(&edit.changes, b, b_is_map, atoms);
    } else {
        const union atom *keys = elems_leaf(b)->atoms;

        edit.changes = (struct changes){keys, b_is_map ? keys + b->n : NULL, b->n};
    }
    edit_node(&edit, &(struct elems_child){.node = (struct datum_elems *)a, .key = *elems_first(a)},
              0, edit.changes.n, &level);
    return level_end(&level);
}
