// SPDX-License-Identifier: Apache-2.0
// Atoms: the five scalar types (RFC 7047 3.2 <atomic-type>).
#pragma once

#include "basic/text.h"
#include "basic/uuid.h"
#include "model/error.h"
#include "json/cursor.h"

#include <jansson.h>

enum atom_type {
    ATOM_VOID,
    ATOM_INTEGER,
    ATOM_REAL,
    ATOM_BOOLEAN,
    ATOM_STRING,
    ATOM_UUID,
    ATOM_N_TYPES
};

// 16 bytes. A string atom owns a reference to its text, never NULL.
union atom {
    int64_t integer;
    double real; // finite
    bool boolean;
    struct text *string;
    struct uuid uuid;
};

const char *atom_type_name(enum atom_type type); // "integer", ...
bool atom_type_parse(struct slice name, enum atom_type *ret);
json_t *atom_type_to_json(enum atom_type type);

// The RFC's default: 0, false, "", the zero UUID. Owned by the caller.
union atom atom_default(enum atom_type type);
bool atom_is_default(union atom atom, enum atom_type type);
void atom_done(union atom atom, enum atom_type type);
union atom atom_copy(union atom atom, enum atom_type type); // O(1): shares a string
bool atom_equals(union atom a, union atom b, enum atom_type type);
// The order in which sets and maps are kept and printed: by value, false first, bytewise, numeric.
int atom_compare(union atom a, union atom b, enum atom_type type);
uint64_t atom_hash(union atom atom, enum atom_type type, uint64_t basis);

// Names that stand for UUIDs within one transaction (RFC 7047 5.1 <named-uuid>). The resolver
// returns the UUID for `name`, inventing one if the name may still be defined later.
struct symbol_table;

// Decodes the <atom> the cursor stands at. `symbols` may be NULL (then named-uuids are errors).
struct ovsdb_error *atom_decode(struct cursor *cursor, enum atom_type type,
                                struct symbol_table *symbols, struct buf *scratch, union atom *ret);
// Writes the <atom>. O(its length).
void atom_put(struct buf *buf, union atom atom, enum atom_type type);
// For people and command lines (tools): strings quoted only where needed, bare UUIDs.
void atom_put_text(struct buf *buf, union atom atom, enum atom_type type);
