// SPDX-License-Identifier: Apache-2.0
#include "model/elems_cursor.h"

#include <assert.h>

// Goes to the first element of the tree at `elems`.
static void cursor_descend(struct elems_cursor *cursor, const struct datum_elems *elems)
{
    const struct elems_leaf *leaf;

    while (elems->is_inner) {
        const struct elems_inner *inner = elems_inner(elems);

        assert(cursor->depth < ELEMS_HEIGHT_MAX);
        cursor->path[cursor->depth++] = (struct elems_path){inner, 1};
        elems = inner->children[0].node;
    }
    leaf = elems_leaf(elems);
    cursor->key = leaf->atoms;
    cursor->value = cursor->is_map ? leaf->atoms + elems->n : NULL;
    cursor->n_left = elems->n - 1;
}

void elems_start(struct elems_cursor *cursor, const struct datum_elems *elems, bool is_map)
{
    cursor->key = cursor->value = NULL;
    cursor->n_left = cursor->depth = 0;
    cursor->is_map = is_map;
    if (elems) {
        cursor_descend(cursor, elems);
    }
}

void elems_next_leaf(struct elems_cursor *cursor)
{
    assert(cursor->key && !cursor->n_left);
    while (cursor->depth) {
        struct elems_path *path = &cursor->path[cursor->depth - 1];

        if (path->next < path->node->n_children) {
            cursor_descend(cursor, path->node->children[path->next++].node);
            return;
        }
        cursor->depth--;
    }
    cursor->key = cursor->value = NULL;
}

// Differences

static const union atom *side_key(const struct elems_side *side)
{
    return elems_first(side->node) + side->i;
}

static const union atom *side_value(const struct elems_side *side, enum atom_type value)
{
    return value == ATOM_VOID ? NULL : elems_leaf(side->node)->atoms + side->node->n + side->i;
}

// Leaves the current node without entering it, or at its end.
static void side_skip(struct elems_side *side)
{
    side->i = 0;
    while (side->depth) {
        struct elems_path *path = &side->path[side->depth - 1];

        if (path->next < path->node->n_children) {
            side->node = path->node->children[path->next++].node;
            return;
        }
        side->depth--;
    }
    side->node = NULL;
}

static void side_enter(struct elems_side *side)
{
    const struct elems_inner *inner = elems_inner(side->node);

    assert(side->depth < ELEMS_HEIGHT_MAX && !side->i);
    side->path[side->depth++] = (struct elems_path){inner, 1};
    side->size += sizeof(*inner) + inner->n_children * sizeof(*inner->children);
    side->node = inner->children[0].node;
}

static void side_step(struct elems_side *side, enum atom_type value)
{
    uint32_t n = elems_leaf(side->node)->head.n;

    if (!side->i) {
        side->size += sizeof(struct elems_leaf) +
                      (size_t)n * (value == ATOM_VOID ? 1 : 2) * sizeof(union atom);
    }
    if (++side->i == n) {
        side_skip(side);
    }
}

void elems_delta_start(struct elems_delta *delta, const struct datum_elems *old,
                       const struct datum_elems *new, enum atom_type key, enum atom_type value)
{
    delta->key = key;
    delta->value = value;
    delta->old.node = old;
    delta->new.node = new;
    delta->old.i = delta->old.depth = delta->new.i = delta->new.depth = 0;
    delta->old.size = delta->new.size = 0;
}

// Skips what both sides share, and enters inner nodes, until both sides are at an element or at the
// end. Returns the order of the two keys. An inner node is entered only if the other side is not at
// the same key, or at a node of the same or less height that is not the same one.
static int delta_settle(struct elems_delta *delta)
{
    struct elems_side *old = &delta->old, *new = &delta->new;

    while (old->node || new->node) {
        int cmp;

        if (old->node == new->node && !old->i && !new->i) {
            side_skip(old);
            side_skip(new);
            continue;
        }
        cmp = !old->node   ? 1
              : !new->node ? -1
                           : atom_compare(*side_key(old), *side_key(new), delta->key);
        if (cmp <= 0 && old->node->is_inner &&
            (cmp || elems_height(old->node) >= elems_height(new->node))) {
            side_enter(old);
        } else if (cmp >= 0 && new->node->is_inner) {
            side_enter(new);
        } else {
            return cmp;
        }
    }
    return 0;
}

bool elems_delta_next(struct elems_delta *delta)
{
    struct elems_side *old = &delta->old, *new = &delta->new;
    enum atom_type value = delta->value;

    for (;;) {
        int cmp = delta_settle(delta);

        if (!old->node && !new->node) {
            return false;
        }
        delta->old_key = delta->old_value = delta->new_key = delta->new_value = NULL;
        if (cmp <= 0) {
            delta->old_key = side_key(old);
            delta->old_value = side_value(old, value);
            side_step(old, value);
        }
        if (cmp >= 0) {
            delta->new_key = side_key(new);
            delta->new_value = side_value(new, value);
            side_step(new, value);
        }
        if (cmp ||
            (value != ATOM_VOID && !atom_equals(*delta->old_value, *delta->new_value, value))) {
            return true;
        }
    }
}
