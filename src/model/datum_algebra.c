// SPDX-License-Identifier: Apache-2.0
// Operations on two sets or maps, for the mutators "insert" and "delete", the functions "includes"
// and "excludes", and the differences of update2 and of log records.
#include "model/datum.h"

#include <assert.h>

static union datum edit(union datum a, union datum b, const struct type *type, enum elems_edit kind)
{
    assert(!type_is_scalar(type));
    return (union datum){.elems =
                             elems_edit(a.elems, b.elems, kind, type->key.type, type->value.type)};
}

union datum datum_union(union datum a, union datum b, const struct type *type)
{
    return edit(a, b, type, ELEMS_ADD);
}

union datum datum_subtract(union datum a, union datum b, const struct type *type, bool b_is_keys)
{
    return edit(a, b, type, b_is_keys ? ELEMS_REMOVE_KEYS : ELEMS_REMOVE);
}

// True if all elements of `b` are in `a` (all), or none of them (!all).
static bool all_or_none(union datum a, union datum b, const struct type *type, bool all)
{
    struct elems_cursor cursor;

    if (all && datum_n(b, type) > datum_n(a, type)) {
        return false;
    }
    for (datum_start(&b, type, &cursor); cursor.key; elems_next(&cursor)) {
        const union atom *value = NULL, *found = datum_find(&a, type, *cursor.key, &value);
        bool is_same =
            found && (!cursor.value || atom_equals(*value, *cursor.value, type->value.type));

        if (is_same != all) {
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
// pair of `new`.
static union datum difference(union datum old, union datum new, const struct type *type)
{
    bool is_map = type_is_map(type);
    _cleanup_free_ union atom *keys = NULL, *values = NULL;
    size_t n = 0, n_values = 0, keys_capacity = 0, values_capacity = 0;
    struct elems_delta delta;

    datum_delta_start(old, new, type, &delta);
    while (elems_delta_next(&delta)) {
        GROW(keys, n, keys_capacity);
        keys[n++] = delta.new_key ? *delta.new_key : *delta.old_key;
        if (is_map) {
            GROW(values, n_values, values_capacity);
            values[n_values++] = delta.new_key ? *delta.new_value : *delta.old_value;
        }
    }
    assert(n <= ELEMS_MAX);
    return datum_from_sorted(type, keys, values, (uint32_t)n);
}

union datum datum_diff(union datum old, union datum new, const struct type *type)
{
    return type->n_max == 1 ? datum_copy(new, type) : difference(old, new, type);
}

struct ovsdb_error *datum_apply_diff(union datum old, union datum diff, const struct type *type,
                                     union datum *ret)
{
    union datum result =
        type->n_max == 1 ? datum_copy(diff, type) : edit(old, diff, type, ELEMS_TOGGLE);
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
