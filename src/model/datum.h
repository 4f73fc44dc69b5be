// SPDX-License-Identifier: Apache-2.0
// Values of columns. Immutable and shared: a scalar's atom is inline; a set or a map is a sorted,
// reference-counted array, NULL when empty. Which of the two a datum is, its type tells
// (type_is_scalar()). Datums are 16 bytes and passed by value; whoever holds one owns one
// reference, ended by datum_done(). Keys are strictly ascending in atom_compare() order (I-2).
#pragma once

#include "model/type.h"

struct datum_elems {
    uint32_t refs;
    uint32_t n;         // elements or pairs, > 0
    union atom atoms[]; // n keys; in a map followed by n values
};

union datum {
    union atom scalar;
    struct datum_elems *elems;
};

#define DATUM_EMPTY ((union datum){.elems = NULL})

static inline uint32_t datum_n(union datum datum, const struct type *type)
{
    return type_is_scalar(type) ? 1 : datum.elems ? datum.elems->n : 0;
}
// The keys, datum_n() of them; `datum` must stay in place (for a scalar they are in it).
static inline const union atom *datum_keys(const union datum *datum, const struct type *type)
{
    return type_is_scalar(type) ? &datum->scalar : datum->elems ? datum->elems->atoms : NULL;
}
// The values of a map.
static inline const union atom *datum_values(const union datum *datum)
{
    return datum->elems ? datum->elems->atoms + datum->elems->n : NULL;
}

// The default of RFC 7047 5.2.1: empty if n_min is 0, else one default atom or pair. O(1).
union datum datum_default(const struct type *type);
bool datum_is_default(union datum datum, const struct type *type);
union datum datum_copy(union datum datum, const struct type *type); // O(1)
void datum_done(union datum datum, const struct type *type);
bool datum_equals(union datum a, union datum b, const struct type *type);
uint64_t datum_hash(union datum datum, const struct type *type, uint64_t basis);
// Total order, for sorting rows: by number of elements, then by keys, then by values.
int datum_compare(union datum a, union datum b, const struct type *type);
// Index of `key`, or -1. O(log n).
int64_t datum_find(union datum datum, const struct type *type, union atom key);

// Builds a set or map of `n` atoms in any order: takes ownership of the atoms (not of the arrays).
// A key that repeats is an "ovsdb error" (then the atoms have been released). `values` is NULL for
// a set. O(n log n).
struct ovsdb_error *datum_build(const struct type *type, union atom *keys, union atom *values,
                                uint32_t n, union datum *ret);
// The same from keys that are strictly ascending already, whose atoms are copied (shared) and stay
// the caller's. O(n).
union datum datum_from_sorted(const struct type *type, const union atom *keys,
                              const union atom *values, uint32_t n);

// Set algebra on sets and maps, not on scalars; `type` is the column's. Both operands stay the
// caller's; the result may share them. All are O(n + m).
// a plus the elements of b that a lacks; for a map a's pairs win.
union datum datum_union(union datum a, union datum b, const struct type *type);
// a without the elements in b; `b_is_keys`: b is a set of keys (else pairs must match in key and
// value).
union datum datum_subtract(union datum a, union datum b, const struct type *type, bool b_is_keys);
// a has all of b, a has none of b; scalars too: equal, not equal. O(m log n).
bool datum_includes_all(union datum a, union datum b, const struct type *type);
bool datum_excludes_all(union datum a, union datum b, const struct type *type);

// The difference of update2 (protocol extensions 4.1.14): for one-element types (n_max == 1) the
// new value, for sets the elements in only one, for maps as the document says. old must differ from
// new.
union datum datum_diff(union datum old, union datum new, const struct type *type);
// The inverse: old with `diff` applied. "constraint violation" if the result has a wrong
// number of elements.
struct ovsdb_error *datum_apply_diff(union datum old, union datum diff, const struct type *type,
                                     union datum *ret);

// How strictly a <value> is checked while decoding. A scalar type needs exactly one atom always.
enum datum_check {
    DATUM_CHECK_ALL,      // number of elements and constraints
    DATUM_CHECK_NO_MIN,   // constraints; fewer than n_min allowed ("includes", mutation "insert")
    DATUM_CHECK_NO_COUNT, // constraints; any number ("excludes", mutation "delete")
    DATUM_CHECK_NOTHING,  // types only (diffs in files, arithmetic operands)
};

// Decodes the <value> the cursor stands at straight into a datum (RFC 7047 5.1). `symbols` may be
// NULL. Errors carry the offending JSON in "syntax". `scratch` is overwritten.
struct ovsdb_error *datum_decode(struct cursor *cursor, const struct type *type,
                                 enum datum_check check, struct symbol_table *symbols,
                                 struct buf *scratch, union datum *ret);
// The immediate constraints of every element, and the number of elements, of a computed value.
struct ovsdb_error *datum_check(union datum datum, const struct type *type);
// Writes the <value>: a set of one element is the bare atom. O(length).
void datum_put(struct buf *buf, union datum datum, const struct type *type);
// For people (tools): 5, [], [a, b], {k=v}, see atom_put_text().
void datum_put_text(struct buf *buf, union datum datum, const struct type *type);
// For tables with "bare" data format: no quotes and brackets, elements separated by blanks, pairs
// by '='.
void datum_put_bare(struct buf *buf, union datum datum, const struct type *type);
