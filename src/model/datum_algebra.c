// SPDX-License-Identifier: Apache-2.0
// Operations on two sets or maps, for the mutators "insert" and "delete", the functions "includes"
// and "excludes", and the differences of update2 and of log records. They merge two sorted arrays
// in O(n + m). Where one is much shorter, its elements are searched in the other one instead.
#include "model/datum.h"

#include <assert.h>

// A result under construction. It has room for all possible elements and is shrunk at the end.
struct merge {
    const struct type *type;
    struct datum_elems *elems; // the values follow after room for `capacity` keys
    uint32_t n;
    uint32_t capacity;
};

static void merge_begin(struct merge *merge, const struct type *type, size_t capacity)
{
    assert(capacity <= UINT32_MAX);
    merge->type = type;
    merge->n = 0;
    merge->capacity = (uint32_t)capacity;
    merge->elems = capacity ? elems_new(type_step(type), (uint32_t)capacity) : NULL;
}

// Appends element `i` of `from` to the result.
static void merge_put(struct merge *merge, const struct datum_elems *from, size_t i)
{
    const struct type *type = merge->type;
    uint32_t n = merge->n++;

    assert(n < merge->capacity && i < from->n);
    assert(!n ||
           atom_compare(merge->elems->atoms[n - 1], from->atoms[i], type->key.type) < 0); // I-2
    merge->elems->atoms[n] = atom_copy(from->atoms[i], type->key.type);
    if (type_is_map(type)) {
        merge->elems->atoms[merge->capacity + n] =
            atom_copy(from->atoms[from->n + i], type->value.type);
    }
}

static union datum merge_end(struct merge *merge)
{
    struct datum_elems *elems = merge->elems;
    uint32_t n = merge->n;

    if (!n) {
        free(elems);
        return DATUM_EMPTY;
    }
    if (n < merge->capacity) {
        if (type_is_map(merge->type)) {
            memmove(elems->atoms + n, elems->atoms + merge->capacity, n * sizeof(*elems->atoms));
        }
        elems = xrealloc(elems, sizeof(*elems) +
                                    (size_t)n * type_step(merge->type) * sizeof(*elems->atoms));
    }
    elems->n = n;
    return (union datum){.elems = elems};
}

static uint32_t elems_n(const struct datum_elems *elems)
{
    return elems ? elems->n : 0;
}

// Compares the keys of element `i` of `a` and element `j` of `b`. The end of an array is greater
// than any element.
static int compare_next(const struct datum_elems *a, size_t i, const struct datum_elems *b,
                        size_t j, enum atom_type type)
{
    if (i == elems_n(a)) {
        return 1;
    }
    if (j == elems_n(b)) {
        return -1;
    }
    return atom_compare(a->atoms[i], b->atoms[j], type);
}

// True if searching each element of `b` in `a` is less work than reading all of `a`.
static bool is_lookup_better(uint32_t n_a, uint32_t n_b)
{
    return n_b < n_a / 16;
}

// True if `a` has all keys of `b`.
static bool has_all_keys(const struct datum_elems *a, const struct datum_elems *b,
                         const struct type *type)
{
    size_t i = 0;

    if (elems_n(b) > elems_n(a)) {
        return false;
    }
    if (is_lookup_better(elems_n(a), elems_n(b))) {
        for (size_t j = 0; j < elems_n(b); j++) {
            if (atoms_find(a->atoms, a->n, type->key.type, b->atoms[j]) < 0) {
                return false;
            }
        }
        return true;
    }
    for (size_t j = 0; j < elems_n(b); j++) {
        int cmp;

        while ((cmp = compare_next(a, i, b, j, type->key.type)) < 0) {
            i++;
        }
        if (cmp) {
            return false;
        }
        i++;
    }
    return true;
}

union datum datum_union(union datum a, union datum b, const struct type *type)
{
    const struct datum_elems *x = a.elems, *y = b.elems;
    size_t i = 0, j = 0;
    struct merge merge;

    assert(!type_is_scalar(type));
    if (!x) {
        return datum_copy(b, type);
    }
    if (has_all_keys(x, y, type)) {
        return datum_copy(a, type);
    }
    merge_begin(&merge, type, (size_t)elems_n(x) + elems_n(y));
    while (i < elems_n(x) || j < elems_n(y)) {
        int cmp = compare_next(x, i, y, j, type->key.type);

        if (cmp <= 0) {
            merge_put(&merge, x, i++);
            j += !cmp;
        } else {
            merge_put(&merge, y, j++);
        }
    }
    return merge_end(&merge);
}

static bool values_equal(const struct datum_elems *a, size_t i, const struct datum_elems *b,
                         size_t j, const struct type *type)
{
    return !type_is_map(type) ||
           atom_equals(a->atoms[a->n + i], b->atoms[b->n + j], type->value.type);
}

union datum datum_subtract(union datum a, union datum b, const struct type *type, bool b_is_keys)
{
    const struct datum_elems *x = a.elems, *y = b.elems;
    struct merge merge;
    size_t j = 0;

    assert(!type_is_scalar(type));
    if (!b_is_keys ? datum_excludes_all(a, b, type) : !x || !y) {
        return datum_copy(a, type);
    }
    merge_begin(&merge, type, elems_n(x));
    for (size_t i = 0; i < elems_n(x); i++) {
        int cmp;

        while ((cmp = compare_next(x, i, y, j, type->key.type)) > 0) {
            j++;
        }
        if (cmp || !(b_is_keys || values_equal(x, i, y, j, type))) {
            merge_put(&merge, x, i);
        }
    }
    return merge_end(&merge);
}

// True if all elements of `b` are in `a` (all), or none of them (!all).
static bool all_or_none(union datum a, union datum b, const struct type *type, bool all)
{
    const union atom *keys = datum_keys(&b, type);
    uint32_t n = datum_n(b, type);

    if (type_is_scalar(type)) {
        return atom_equals(a.scalar, b.scalar, type->key.type) == all;
    }
    for (size_t j = 0; j < n; j++) {
        int64_t i = datum_find(a, type, keys[j]);
        bool found = i >= 0 && values_equal(a.elems, (size_t)i, b.elems, j, type);

        if (found != all) {
            return false;
        }
    }
    return true;
}

bool datum_includes_all(union datum a, union datum b, const struct type *type)
{
    return all_or_none(a, b, type, true);
}

bool datum_excludes_all(union datum a, union datum b, const struct type *type)
{
    return all_or_none(a, b, type, false);
}

// The elements that are in only one of the two; where both have a key with different values, the
// pair of `b`. This is the difference from `a` to `b`, and also the result of applying a difference
// `b` to `a`.
static union datum exclusive_or(union datum a, union datum b, const struct type *type)
{
    const struct datum_elems *x = a.elems, *y = b.elems;
    size_t i = 0, j = 0;
    struct merge merge;

    assert(!type_is_scalar(type));
    merge_begin(&merge, type, (size_t)elems_n(x) + elems_n(y));
    while (i < elems_n(x) || j < elems_n(y)) {
        int cmp = compare_next(x, i, y, j, type->key.type);

        if (cmp < 0) {
            merge_put(&merge, x, i++);
        } else if (cmp > 0) {
            merge_put(&merge, y, j++);
        } else {
            if (!values_equal(x, i, y, j, type)) {
                merge_put(&merge, y, j);
            }
            i++;
            j++;
        }
    }
    return merge_end(&merge);
}

union datum datum_diff(union datum old, union datum new, const struct type *type)
{
    return type->n_max == 1 ? datum_copy(new, type) : exclusive_or(old, new, type);
}

struct ovsdb_error *datum_apply_diff(union datum old, union datum diff, const struct type *type,
                                     union datum *ret)
{
    union datum result = type->n_max == 1 ? datum_copy(diff, type) : exclusive_or(old, diff, type);
    uint32_t n = datum_n(result, type);

    if (n < type->n_min || n > type->n_max) {
        _cleanup_free_ char *text = type_text(type);

        datum_done(result, type);
        return error_new(ERROR_CONSTRAINT,
                         "the difference leaves %u elements, not allowed in the type \"%s\"", n,
                         text);
    }
    *ret = result;
    return NULL;
}
