// SPDX-License-Identifier: Apache-2.0
#include "model/elems_build.h"

#include <assert.h>

static_assert(LEAF_MIN <= LEAF_MAX / 2 && INNER_MIN <= INNER_MAX / 2, "halves are large enough");

static void level_init(struct elems_level *level, const struct elems_level *like)
{
    *level = (struct elems_level){.key = like->key, .value = like->value};
}

void level_done(struct elems_level *level)
{
    for (size_t i = 0; i < level->n; i++) {
        elems_unref(level->list[i].node, level->key, level->value);
    }
    free(level->list);
    level->list = NULL;
    level->n = level->capacity = 0;
}

static struct datum_elems *leaf_new(const union atom *keys, const union atom *values, uint32_t step,
                                    uint32_t n)
{
    size_t n_atoms = values ? 2 * (size_t)n : n;
    struct elems_leaf *leaf = xmalloc(sizeof(*leaf) + n_atoms * sizeof(union atom));

    assert(n && n <= LEAF_MAX);
    leaf->head = (struct datum_elems){.refs = 1, .n = n};
    for (size_t i = 0; i < n; i++) {
        leaf->atoms[i] = keys[i * step];
    }
    for (size_t i = 0; i < n && values; i++) {
        leaf->atoms[n + i] = values[i * step];
    }
    return &leaf->head;
}

// Takes the references of the children.
static struct datum_elems *inner_new(const struct elems_child *children, uint32_t n)
{
    struct elems_inner *inner = xmalloc(sizeof(*inner) + n * sizeof(*children));
    size_t n_elems = 0;

    assert(n && n <= INNER_MAX);
    memcpy(inner->children, children, n * sizeof(*children));
    for (uint32_t i = 0; i < n; i++) {
        n_elems += children[i].node->n;
    }
    assert(n_elems <= ELEMS_MAX);
    inner->head = (struct datum_elems){.refs = 1, .n = (uint32_t)n_elems, .is_inner = 1};
    inner->n_children = n;
    inner->height = elems_height(children[0].node) + 1;
    assert(inner->height <= ELEMS_HEIGHT_MAX);
    return &inner->head;
}

static struct elems_child child_of(struct datum_elems *node)
{
    return (struct elems_child){.node = node, .key = *elems_first(node)};
}

static bool is_small(const struct datum_elems *node)
{
    return node->is_inner ? elems_inner(node)->n_children < INNER_MIN : node->n < LEAF_MIN;
}

// Copies the atoms of `leaf` into an array of `n` keys, and `n` values behind them in a map, from
// element `at` on.
static void copy_leaf(const struct elems_level *types, union atom *to, size_t n, size_t at,
                      const struct elems_leaf *leaf)
{
    for (uint32_t i = 0; i < leaf->head.n; i++) {
        to[at + i] = atom_copy(leaf->atoms[i], types->key);
        if (types->value != ATOM_VOID) {
            to[n + at + i] = atom_copy(leaf->atoms[leaf->head.n + i], types->value);
        }
    }
}

static void join_leaves(struct elems_level *level, const struct elems_leaf *a,
                        const struct elems_leaf *b)
{
    size_t n = a->head.n + b->head.n;
    union atom atoms[4 * LEAF_MAX];

    copy_leaf(level, atoms, n, 0, a);
    copy_leaf(level, atoms, n, a->head.n, b);
    level_add_leaves(level, atoms, level->value == ATOM_VOID ? NULL : atoms + n, 1, n);
}

static void add_children(struct elems_level *level, const struct elems_inner *inner)
{
    for (uint32_t i = 0; i < inner->n_children; i++) {
        elems_ref(inner->children[i].node);
        level_add(level, inner->children[i]);
    }
}

// Adds the elements of two neighbours, of which one is too small, as one or two nodes.
static void join(struct elems_level *level, const struct datum_elems *a,
                 const struct datum_elems *b)
{
    struct elems_level children;

    assert(elems_height(a) == elems_height(b));
    if (!a->is_inner) {
        join_leaves(level, elems_leaf(a), elems_leaf(b));
        return;
    }
    level_init(&children, level);
    add_children(&children, elems_inner(a));
    add_children(&children, elems_inner(b));
    level_add_parents(level, &children);
}

void level_add(struct elems_level *level, struct elems_child child)
{
    struct datum_elems *last = level->n ? level->list[level->n - 1].node : NULL;

    if (last && (is_small(last) || is_small(child.node))) {
        level->n--;
        join(level, last, child.node);
        elems_unref(last, level->key, level->value);
        elems_unref(child.node, level->key, level->value);
        return;
    }
    GROW(level->list, level->n, level->capacity);
    level->list[level->n++] = child;
}

// Splits `n` into parts of at most `max`, as equal as possible, and returns the size of the first.
static size_t first_part(size_t n, size_t max)
{
    size_t n_parts = (n + max - 1) / max;

    return (n + n_parts - 1) / n_parts;
}

void level_add_leaves(struct elems_level *level, const union atom *keys, const union atom *values,
                      uint32_t step, size_t n)
{
    while (n) {
        size_t part = first_part(n, LEAF_MAX);

        level_add(level, child_of(leaf_new(keys, values, step, (uint32_t)part)));
        keys += part * step;
        values = values ? values + part * step : NULL;
        n -= part;
    }
}

void level_add_parents(struct elems_level *level, struct elems_level *below)
{
    for (size_t i = 0; i < below->n;) {
        size_t part = first_part(below->n - i, INNER_MAX);

        level_add(level, child_of(inner_new(below->list + i, (uint32_t)part)));
        i += part;
    }
    below->n = 0; // the references are with the parents
    level_done(below);
}

// Makes one leaf of a tree that has become small enough.
static struct datum_elems *flatten(const struct elems_level *types, struct datum_elems *elems)
{
    const struct elems_inner *inner = elems_inner(elems);
    union atom atoms[2 * LEAF_MAX];
    struct datum_elems *leaf;
    uint32_t n = elems->n, at = 0;

    assert(inner->height == 1 && n <= LEAF_MAX);
    for (uint32_t i = 0; i < inner->n_children; i++) {
        copy_leaf(types, atoms, n, at, elems_leaf(inner->children[i].node));
        at += inner->children[i].node->n;
    }
    leaf = leaf_new(atoms, types->value == ATOM_VOID ? NULL : atoms + n, 1, n);
    elems_unref(elems, types->key, types->value);
    return leaf;
}

struct datum_elems *level_end(struct elems_level *level)
{
    struct elems_level above;
    struct datum_elems *root;

    while (level->n > 1) {
        level_init(&above, level);
        level_add_parents(&above, level);
        *level = above;
    }
    root = level->n ? level->list[0].node : NULL;
    level->n = 0;
    level_done(level);
    while (root && root->is_inner && elems_inner(root)->n_children == 1) {
        struct datum_elems *child = elems_ref(elems_inner(root)->children[0].node);

        elems_unref(root, level->key, level->value);
        root = child;
    }
    return root && root->is_inner && root->n <= LEAF_MAX ? flatten(level, root) : root;
}

// Takes the atoms, which are `step` apart.
static struct datum_elems *elems_build(const union atom *keys, const union atom *values,
                                       uint32_t step, uint32_t n)
{
    struct elems_level level = {0};

    if (n <= LEAF_MAX) {
        return n ? leaf_new(keys, values, step, n) : NULL;
    }
    level_add_leaves(&level, keys, values, step, n);
    return level_end(&level);
}

struct ovsdb_error *elems_finish(enum atom_type key, uint32_t step, union atom *atoms, uint32_t n,
                                 bool is_sorted, struct datum_elems **ret)
{
    atom_comparator *compare = atom_comparator_of(key);

    if (!is_sorted) {
        qsort(atoms, n, step * sizeof(*atoms), compare);
        for (size_t i = 1; i < n; i++) {
            int cmp = compare(&atoms[(i - 1) * step], &atoms[i * step]);

            assert(cmp <= 0);
            if (!cmp) {
                return error_new(ERROR_OVSDB, step == 2 ? "map contains duplicate key"
                                                        : "set contains duplicate");
            }
        }
    }
    *ret = elems_build(atoms, step == 2 ? atoms + 1 : NULL, step, n);
    return NULL;
}

struct datum_elems *elems_from_arrays(const union atom *keys, const union atom *values, uint32_t n)
{
    return elems_build(keys, values, 1, n);
}
