// SPDX-License-Identifier: Apache-2.0
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

int64_t atoms_find(const union atom *keys, uint32_t n, enum atom_type type, union atom key)
{
    int64_t low = 0, high = (int64_t)n - 1;

    while (low <= high) {
        int64_t middle = low + (high - low) / 2;
        int cmp = atom_compare(key, keys[middle], type);

        if (!cmp) {
            return middle;
        }
        if (cmp < 0) {
            high = middle - 1;
        } else {
            low = middle + 1;
        }
    }
    return -1;
}

void atoms_release(union atom *atoms, size_t n, enum atom_type type)
{
    if (type == ATOM_STRING) {
        for (size_t i = 0; i < n; i++) {
            atom_done(atoms[i], type);
        }
    }
}

struct datum_elems *elems_new(uint32_t step, uint32_t n)
{
    struct datum_elems *elems;

    assert(step == 1 || step == 2);
    assert(n);
    elems = xmalloc(sizeof(*elems) + (size_t)n * step * sizeof(union atom));
    elems->refs = 1;
    elems->n = n;
    return elems;
}

void elems_unref(struct datum_elems *elems, enum atom_type key, enum atom_type value)
{
    if (!elems) {
        return;
    }
    assert(elems->refs);
    if (--elems->refs) {
        return;
    }
    atoms_release(elems->atoms, elems->n, key);
    if (value != ATOM_VOID) {
        atoms_release(elems->atoms + elems->n, elems->n, value);
    }
    free(elems);
}

struct ovsdb_error *elems_finish(enum atom_type key, uint32_t step, union atom *atoms, uint32_t n,
                                 bool is_sorted, struct datum_elems **ret)
{
    atom_comparator *compare = atom_comparator_of(key);
    struct datum_elems *elems;

    if (!n) {
        *ret = NULL;
        return NULL;
    }
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
    elems = elems_new(step, n);
    if (step == 1) {
        memcpy(elems->atoms, atoms, n * sizeof(*atoms));
    } else {
        for (size_t i = 0; i < n; i++) {
            elems->atoms[i] = atoms[2 * i];
            elems->atoms[n + i] = atoms[2 * i + 1];
        }
    }
    *ret = elems;
    return NULL;
}
