// SPDX-License-Identifier: Apache-2.0
// Column types (RFC 7047 3.2 <type>, <base-type>): the atomic types, their constraints, and how
// many elements a value has.
#pragma once

#include "model/atom.h"

struct datum_elems;
struct table_schema;

enum ref_type { REF_NONE, REF_STRONG, REF_WEAK };

struct base_type {
    enum atom_type type;
    struct datum_elems *enumeration; // the set of allowed values; NULL without "enum"
    union {
        struct {
            int64_t min, max; // INT64_MIN, INT64_MAX if there is no limit
        } integer;
        struct {
            double min, max; // -DBL_MAX, DBL_MAX if there is no limit
        } real;
        struct {
            uint32_t min, max; // in characters; 0, UINT32_MAX if there is no limit
        } string;
        struct {
            char *ref_table_name;                 // or NULL
            const struct table_schema *ref_table; // set by the schema; NULL without refTable
            enum ref_type ref_type;
        } uuid;
    };
};

struct type {
    struct base_type key;
    struct base_type value; // its type is ATOM_VOID if this is a set
    uint32_t n_min;         // 0 or 1
    uint32_t n_max;         // UINT32_MAX: unlimited
};

static inline bool type_is_map(const struct type *type)
{
    return type->value.type != ATOM_VOID;
}
// The number of atoms of an element: 1 in a set, 2 in a map.
static inline uint32_t type_step(const struct type *type)
{
    return type_is_map(type) ? 2 : 1;
}
// True if a value is exactly one atom, which is stored in the datum itself (see datum.h).
static inline bool type_is_scalar(const struct type *type)
{
    return type->n_min == 1 && type->n_max == 1 && type->value.type == ATOM_VOID;
}
// True if the datum is one atom that refers to no memory of its own.
static inline bool type_is_plain(const struct type *type)
{
    return type_is_scalar(type) && type->key.type != ATOM_STRING;
}

static inline bool type_is_optional(const struct type *type)
{
    return type->n_min == 0 && type->n_max == 1;
}
static inline bool base_type_is_strong_ref(const struct base_type *base)
{
    return base->type == ATOM_UUID && base->uuid.ref_type == REF_STRONG;
}
static inline bool base_type_is_weak_ref(const struct base_type *base)
{
    return base->type == ATOM_UUID && base->uuid.ref_type == REF_WEAK;
}

// Initialises a type without constraints.
void base_type_init(struct base_type *base, enum atom_type type);
void base_type_done(struct base_type *base);
void type_done(struct type *type);
// Parses a <type>. The schema resolves the names of reference tables later. On error, *ret is
// untouched.
struct ovsdb_error *type_from_json(const json_t *json, struct type *ret);
// The shortest JSON that parses to the same type.
json_t *type_to_json(const struct type *type);
// A description for people, e.g. "integer", "set of up to 3 strings", "map of string-integer
// pairs". The caller frees it.
char *type_text(const struct type *type);
// Checks one atom against the constraints that need no other rows: enum, ranges, lengths. Returns
// NULL or a "constraint violation". O(log enum + length).
struct ovsdb_error *base_type_check(const struct base_type *base, union atom atom);
