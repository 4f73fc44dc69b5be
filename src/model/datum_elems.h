// SPDX-License-Identifier: Apache-2.0
// How datums are put together; for the datum_*.c files only.
// While they are being collected, the atoms of a set lie one after another and those of a map as
// pairs: key, value, key, value. A "step" is the number of atoms per element, 1 or 2.
#pragma once

#include "model/datum.h"

static inline uint32_t elems_step(const struct type *type)
{
    return type_is_map(type) ? 2 : 1;
}

// Room for `n` > 0 elements, the atoms not initialised. One reference.
struct datum_elems *elems_new(const struct type *type, uint32_t n);
// Compares two keys of this type. What qsort() wants: pointers to atoms.
typedef int atom_comparator(const void *a, const void *b);
atom_comparator *elems_comparator(enum atom_type type);
// Makes a datum of `n` collected elements; their atoms now belong to it. They are sorted unless
// `is_sorted`; a key that repeats is an "ovsdb error", the atoms then still the caller's.
struct ovsdb_error *elems_finish(const struct type *type, union atom *atoms, uint32_t n,
                                 bool is_sorted, union datum *ret);
