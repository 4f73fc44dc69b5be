// SPDX-License-Identifier: Apache-2.0
// Values of columns, immutable and shared. The type determines the representation: a value of a
// scalar type (type_is_scalar()) is an atom in the datum; any other set or map is a
// reference-counted tree (see elems.h), or NULL if it is empty. A datum has 16 bytes and is passed
// by value. The holder of a datum owns one reference and releases it with datum_done(). The keys
// are strictly ascending in the order of atom_compare() (I-2).
#pragma once

#include "model/elems_cursor.h"
#include "model/type.h"

#include <assert.h>

union datum {
    union atom scalar;
    struct datum_elems *elems;
};
static_assert(sizeof(union datum) == 16, "datums are passed by value");

#define DATUM_EMPTY ((union datum){.elems = NULL})

// The number of elements or pairs.
static inline uint32_t datum_n(union datum datum, const struct type *type)
{
    return type_is_scalar(type) ? 1 : datum.elems ? datum.elems->n : 0;
}
// The first key. For a scalar the result points into *datum. NULL if there is none.
static inline const union atom *datum_first(const union datum *datum, const struct type *type)
{
    return type_is_scalar(type) ? &datum->scalar : datum->elems ? elems_first(datum->elems) : NULL;
}
// Starts an iteration, which continues with elems_next(). For a scalar it has one key, which is in
// *datum.
//     for (datum_start(&datum, type, &cursor); cursor.key; elems_next(&cursor))
void datum_start(const union datum *datum, const struct type *type, struct elems_cursor *cursor);
// Starts the iteration over the differences of two sets or maps, which continues with
// elems_delta_next(). Not for scalar types.
void datum_delta_start(union datum old, union datum new, const struct type *type,
                       struct elems_delta *delta);

// The default value (RFC 7047 5.2.1): empty if n_min is 0, else one default atom or pair. O(1).
union datum datum_default(const struct type *type);
bool datum_is_default(union datum datum, const struct type *type);
union datum datum_copy(union datum datum, const struct type *type); // O(1)
void datum_done(union datum datum, const struct type *type);
bool datum_equals(union datum a, union datum b, const struct type *type);
uint64_t datum_hash(union datum datum, const struct type *type, uint64_t basis);
// A total order for sorting rows: by number of elements, then by keys, then by values.
int datum_compare(union datum a, union datum b, const struct type *type);
// Finds a key. Returns a pointer to it, or NULL. *ret_value, unless that is NULL, is set to the
// value of a map. For a scalar the result points into *datum. O(log n).
const union atom *datum_find(const union datum *datum, const struct type *type, union atom key,
                             const union atom **ret_value);

// Builds a set or map of `n` elements in any order; not for scalar types. Takes the atoms, not the
// arrays. If a key occurs twice, releases the atoms and returns an "ovsdb error". `values` is NULL
// for a set. O(n log n).
struct ovsdb_error *datum_build(const struct type *type, union atom *keys, union atom *values,
                                uint32_t n, union datum *ret);
// As datum_build(), but from keys that are strictly ascending, and for scalar types too. Copies the
// atoms, sharing strings; the caller keeps its own. O(n).
union datum datum_from_sorted(const struct type *type, const union atom *keys,
                              const union atom *values, uint32_t n);

// Set algebra on sets and maps, not on scalars. `type` is the type of the column. The caller keeps
// its references to both operands; the result may share their nodes. For n elements in a and m in b
// O(m log n), and at most O(n + m), unless stated otherwise. The elements of a, and those elements
// of b whose keys a lacks.
union datum datum_union(union datum a, union datum b, const struct type *type);
// The elements of a that are not in b. If `b_is_keys`, b is a set of keys to remove; else a pair is
// removed only if key and value match.
union datum datum_subtract(union datum a, union datum b, const struct type *type, bool b_is_keys);
// True if a has all, or none, of the elements of b. For scalars: if they are equal, or not. O(m log
// n).
bool datum_includes_all(union datum a, union datum b, const struct type *type);
bool datum_excludes_all(union datum a, union datum b, const struct type *type);

// The difference from old to new, as update2 sends it (protocol extensions 4.1.14): if n_max is 1,
// the new value; for sets, the elements that are in only one of them; for maps, the pairs whose key
// is in only one of them, and the new pairs whose value differs. old must differ from new. Skips
// what the two share, see datum_delta_start().
union datum datum_diff(union datum old, union datum new, const struct type *type);
// Applies a difference to `old`. Returns a "constraint violation" if the result has a number of
// elements that `type` does not allow.
struct ovsdb_error *datum_apply_diff(union datum old, union datum diff, const struct type *type,
                                     union datum *ret);

// What datum_decode() checks besides the types of the atoms. A value of a scalar type must always
// have exactly one atom.
enum datum_check {
    DATUM_CHECK_ALL,      // number of elements and constraints
    DATUM_CHECK_NO_MIN,   // constraints and n_max, for "includes" and the mutation "insert"
    DATUM_CHECK_NO_COUNT, // constraints, for "excludes" and the mutation "delete"
    DATUM_CHECK_NOTHING,  // nothing, for differences in files and operands of arithmetic
};

// Decodes the <value> at the cursor (RFC 7047 5.1). `symbols` may be NULL; named-uuids are errors
// then. The "syntax" of an error is the wrong JSON text. `scratch` is overwritten.
struct ovsdb_error *datum_decode(struct cursor *cursor, const struct type *type,
                                 enum datum_check check, struct symbol_table *symbols,
                                 struct buf *scratch, union datum *ret);
// Decodes a difference (datum_diff()) and applies it to `old`, which stays the caller's. *ret
// satisfies the constraints and the number of elements of `type`.
struct ovsdb_error *datum_decode_diff(struct cursor *cursor, union datum old,
                                      const struct type *type, struct buf *scratch,
                                      union datum *ret);
// Checks the number of elements of a value whose elements are known to satisfy the constraints.
// O(1).
struct ovsdb_error *datum_check_count(union datum datum, const struct type *type);
// Checks a computed value: the constraints of all elements, and their number. O(n).
struct ovsdb_error *datum_check(union datum datum, const struct type *type);
// Writes the <value>. A set of one element is written as a bare atom. O(length).
void datum_put(struct buf *buf, union datum datum, const struct type *type);
// Writes the value for people: 5, [], [a, b], {k=v}. For atoms see atom_put_text().
void datum_put_text(struct buf *buf, union datum datum, const struct type *type);
// Writes the value in the data format "bare" of the tools: without quotes and brackets, blanks
// between elements, '=' between key and value.
void datum_put_bare(struct buf *buf, union datum datum, const struct type *type);
