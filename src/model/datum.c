// SPDX-License-Identifier: Apache-2.0
// Datums in memory: building, sharing, comparing. Set algebra is in datum_algebra.c, JSON in
// datum_json.c, text for people in datum_text.c.
#include "model/datum.h"
#include "model/elems_build.h"

#include <assert.h>

struct ovsdb_error *datum_build(const struct type *type, union atom *keys, union atom *values,
                                uint32_t n, union datum *ret)
{
    uint32_t step = type_step(type);
    _cleanup_free_ union atom *atoms = NEW_ARRAY(union atom, (size_t)n * step + 1);
    struct ovsdb_error *error;

    assert(!type_is_scalar(type));
    assert(step == 1 || values || !n);
    for (size_t i = 0; i < n; i++) {
        atoms[i * step] = keys[i];
        if (step == 2) {
            atoms[i * step + 1] = values[i];
        }
    }
    error = elems_finish(type->key.type, step, atoms, n, false, &ret->elems);
    if (error) {
        atoms_release(keys, n, type->key.type);
        if (step == 2) {
            atoms_release(values, n, type->value.type);
        }
    }
    return error;
}

void datum_start(const union datum *datum, const struct type *type, struct elems_cursor *cursor)
{
    if (!type_is_scalar(type)) {
        elems_start(cursor, datum->elems, type_is_map(type));
        return;
    }
    elems_start(cursor, NULL, false);
    cursor->key = &datum->scalar;
}

void datum_delta_start(union datum old, union datum new, const struct type *type,
                       struct elems_delta *delta)
{
    assert(!type_is_scalar(type));
    elems_delta_start(delta, old.elems, new.elems, type->key.type, type->value.type);
}

static void ref_atoms(const union atom *atoms, size_t n, enum atom_type type)
{
    for (size_t i = 0; i < n && type == ATOM_STRING; i++) {
        atom_copy(atoms[i], type);
    }
}

union datum datum_from_sorted(const struct type *type, const union atom *keys,
                              const union atom *values, uint32_t n)
{
    if (type_is_scalar(type)) {
        assert(n == 1);
        return (union datum){.scalar = atom_copy(keys[0], type->key.type)};
    }
    assert(n < 2 || atom_compare(keys[0], keys[n - 1], type->key.type) < 0); // I-2, for its ends
    ref_atoms(keys, n, type->key.type);
    if (type_is_map(type)) {
        ref_atoms(values, n, type->value.type);
    }
    return (union datum){.elems = elems_from_arrays(keys, type_is_map(type) ? values : NULL, n)};
}

union datum datum_default(const struct type *type)
{
    union atom key, value;

    if (type_is_scalar(type)) {
        return (union datum){.scalar = atom_default(type->key.type)};
    }
    if (!type->n_min) {
        return DATUM_EMPTY;
    }
    key = atom_default(type->key.type);
    value = atom_default(type->value.type);
    return (union datum){.elems = elems_from_arrays(&key, type_is_map(type) ? &value : NULL, 1)};
}

bool datum_is_default(union datum datum, const struct type *type)
{
    const union atom *atoms;

    if (type_is_scalar(type)) {
        return atom_is_default(datum.scalar, type->key.type);
    }
    if (!type->n_min || !datum.elems) {
        return !type->n_min && !datum.elems;
    }
    if (datum.elems->n != 1) {
        return false;
    }
    atoms = elems_leaf(datum.elems)->atoms;
    return atom_is_default(atoms[0], type->key.type) &&
           (!type_is_map(type) || atom_is_default(atoms[1], type->value.type));
}

union datum datum_copy(union datum datum, const struct type *type)
{
    if (type_is_scalar(type)) {
        atom_copy(datum.scalar, type->key.type);
    } else if (datum.elems) {
        elems_ref(datum.elems);
    }
    return datum;
}

void datum_done(union datum datum, const struct type *type)
{
    if (type_is_scalar(type)) {
        atom_done(datum.scalar, type->key.type);
    } else {
        elems_unref(datum.elems, type->key.type, type->value.type);
    }
}

bool datum_equals(union datum a, union datum b, const struct type *type)
{
    struct elems_delta delta;

    if (type_is_scalar(type)) {
        return atom_equals(a.scalar, b.scalar, type->key.type);
    }
    if (a.elems == b.elems) {
        return true;
    }
    if (!a.elems || !b.elems || a.elems->n != b.elems->n) {
        return false;
    }
    datum_delta_start(a, b, type, &delta);
    return !elems_delta_next(&delta);
}

uint64_t datum_hash(union datum datum, const struct type *type, uint64_t basis)
{
    if (type_is_scalar(type)) {
        return atom_hash(datum.scalar, type->key.type, basis);
    }
    return hash_u64(datum.elems ? elems_hash(datum.elems, type->key.type, type->value.type) : 0,
                    basis);
}

static int compare_keys(union datum a, union datum b, const struct type *type)
{
    struct elems_cursor x, y;
    int cmp = 0;

    datum_start(&a, type, &x);
    datum_start(&b, type, &y);
    for (; !cmp && x.key && y.key; elems_next(&x), elems_next(&y)) {
        cmp = atom_compare(*x.key, *y.key, type->key.type);
    }
    return cmp;
}

static int compare_values(union datum a, union datum b, const struct type *type)
{
    struct elems_cursor x, y;
    int cmp = 0;

    datum_start(&a, type, &x);
    datum_start(&b, type, &y);
    for (; !cmp && x.key && y.key; elems_next(&x), elems_next(&y)) {
        cmp = atom_compare(*x.value, *y.value, type->value.type);
    }
    return cmp;
}

int datum_compare(union datum a, union datum b, const struct type *type)
{
    uint32_t n_a = datum_n(a, type), n_b = datum_n(b, type);
    int cmp = (n_a > n_b) - (n_a < n_b);

    cmp = cmp ? cmp : compare_keys(a, b, type);
    return cmp || !type_is_map(type) ? cmp : compare_values(a, b, type);
}

const union atom *datum_find(const union datum *datum, const struct type *type, union atom key,
                             const union atom **ret_value)
{
    if (type_is_scalar(type)) {
        return atom_equals(datum->scalar, key, type->key.type) ? &datum->scalar : NULL;
    }
    return elems_find(datum->elems, type->key.type, key, ret_value);
}

struct ovsdb_error *datum_check_count(union datum datum, const struct type *type)
{
    uint32_t n = datum_n(datum, type);
    _cleanup_free_ char *text = NULL;

    if (n >= type->n_min && n <= type->n_max) {
        return NULL;
    }
    text = type_text(type);
    return error_new(ERROR_CONSTRAINT, "%u elements are not allowed in the type \"%s\"", n, text);
}

struct ovsdb_error *datum_check(union datum datum, const struct type *type)
{
    struct ovsdb_error *error = datum_check_count(datum, type);
    struct elems_cursor cursor;

    for (datum_start(&datum, type, &cursor); cursor.key && !error; elems_next(&cursor)) {
        error = base_type_check(&type->key, *cursor.key);
        if (!error && cursor.value) {
            error = base_type_check(&type->value, *cursor.value);
        }
    }
    return error;
}
