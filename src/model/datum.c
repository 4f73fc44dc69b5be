// SPDX-License-Identifier: Apache-2.0
// Datums in memory: building, sharing, comparing. Set algebra is in datum_algebra.c, JSON in
// datum_json.c, text for people in datum_text.c.
#include "model/datum.h"

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

static void copy_atoms(union atom *to, const union atom *from, size_t n, enum atom_type type)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = atom_copy(from[i], type);
    }
}

union datum datum_from_sorted(const struct type *type, const union atom *keys,
                              const union atom *values, uint32_t n)
{
    struct datum_elems *elems;

    if (type_is_scalar(type)) {
        assert(n == 1);
        return (union datum){.scalar = atom_copy(keys[0], type->key.type)};
    }
    if (!n) {
        return DATUM_EMPTY;
    }
    assert(n < 2 || atom_compare(keys[0], keys[n - 1], type->key.type) < 0); // I-2, for its ends
    elems = elems_new(type_step(type), n);
    copy_atoms(elems->atoms, keys, n, type->key.type);
    if (type_is_map(type)) {
        copy_atoms(elems->atoms + n, values, n, type->value.type);
    }
    return (union datum){.elems = elems};
}

union datum datum_default(const struct type *type)
{
    struct datum_elems *elems;

    if (type_is_scalar(type)) {
        return (union datum){.scalar = atom_default(type->key.type)};
    }
    if (!type->n_min) {
        return DATUM_EMPTY;
    }
    elems = elems_new(type_step(type), 1);
    elems->atoms[0] = atom_default(type->key.type);
    if (type_is_map(type)) {
        elems->atoms[1] = atom_default(type->value.type);
    }
    return (union datum){.elems = elems};
}

bool datum_is_default(union datum datum, const struct type *type)
{
    if (type_is_scalar(type)) {
        return atom_is_default(datum.scalar, type->key.type);
    }
    if (!type->n_min || !datum.elems) {
        return !type->n_min && !datum.elems;
    }
    return datum.elems->n == 1 && atom_is_default(datum.elems->atoms[0], type->key.type) &&
           (!type_is_map(type) || atom_is_default(datum.elems->atoms[1], type->value.type));
}

union datum datum_copy(union datum datum, const struct type *type)
{
    if (type_is_scalar(type)) {
        atom_copy(datum.scalar, type->key.type);
    } else if (datum.elems) {
        assert(datum.elems->refs);
        datum.elems->refs++;
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

static bool atoms_equal(const union atom *a, const union atom *b, size_t n, enum atom_type type)
{
    for (size_t i = 0; i < n; i++) {
        if (!atom_equals(a[i], b[i], type)) {
            return false;
        }
    }
    return true;
}

bool datum_equals(union datum a, union datum b, const struct type *type)
{
    size_t n;

    if (type_is_scalar(type)) {
        return atom_equals(a.scalar, b.scalar, type->key.type);
    }
    if (a.elems == b.elems) {
        return true;
    }
    if (!a.elems || !b.elems || a.elems->n != b.elems->n) {
        return false;
    }
    n = a.elems->n;
    return atoms_equal(a.elems->atoms, b.elems->atoms, n, type->key.type) &&
           (!type_is_map(type) ||
            atoms_equal(a.elems->atoms + n, b.elems->atoms + n, n, type->value.type));
}

uint64_t datum_hash(union datum datum, const struct type *type, uint64_t basis)
{
    const union atom *keys = datum_keys(&datum, type);
    uint32_t n = datum_n(datum, type);
    uint64_t hash = type_is_scalar(type) ? basis : hash_u64(n, basis);

    for (size_t i = 0; i < n; i++) {
        hash = atom_hash(keys[i], type->key.type, hash);
        if (type_is_map(type)) {
            hash = atom_hash(keys[n + i], type->value.type, hash);
        }
    }
    return hash;
}

static int compare_atoms(const union atom *a, const union atom *b, size_t n, enum atom_type type)
{
    for (size_t i = 0; i < n; i++) {
        int cmp = atom_compare(a[i], b[i], type);

        if (cmp) {
            return cmp;
        }
    }
    return 0;
}

int datum_compare(union datum a, union datum b, const struct type *type)
{
    uint32_t n = datum_n(a, type), n_b = datum_n(b, type);
    int cmp = (n > n_b) - (n < n_b);

    if (!cmp) {
        cmp = compare_atoms(datum_keys(&a, type), datum_keys(&b, type), n, type->key.type);
    }
    if (!cmp && n && type_is_map(type)) {
        cmp = compare_atoms(datum_values(&a), datum_values(&b), n, type->value.type);
    }
    return cmp;
}

int64_t datum_find(union datum datum, const struct type *type, union atom key)
{
    return atoms_find(datum_keys(&datum, type), datum_n(datum, type), type->key.type, key);
}

static struct ovsdb_error *check_atoms(const struct base_type *base, const union atom *atoms,
                                       size_t n)
{
    struct ovsdb_error *error = NULL;

    for (size_t i = 0; i < n && !error; i++) {
        error = base_type_check(base, atoms[i]);
    }
    return error;
}

struct ovsdb_error *datum_check(union datum datum, const struct type *type)
{
    uint32_t n = datum_n(datum, type);
    struct ovsdb_error *error;

    if (n < type->n_min || n > type->n_max) {
        _cleanup_free_ char *text = type_text(type);

        return error_new(ERROR_CONSTRAINT, "%u elements are not allowed in the type \"%s\"", n,
                         text);
    }
    error = check_atoms(&type->key, datum_keys(&datum, type), n);
    if (!error && n && type_is_map(type)) {
        error = check_atoms(&type->value, datum_values(&datum), n);
    }
    return error;
}
