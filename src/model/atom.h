// SPDX-License-Identifier: Apache-2.0
// Atoms: the five scalar types (RFC 7047 3.2 <atomic-type>).
#pragma once

#include "basic/text.h"
#include "basic/uuid.h"
#include "model/error.h"
#include "json/cursor.h"

#include <assert.h>
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

// The value of an atom; its type is stored elsewhere. A string atom owns a reference to its text,
// which is never NULL.
union atom {
    int64_t integer;
    double real; // finite
    bool boolean;
    struct text *string;
    struct uuid uuid;
};
static_assert(sizeof(union atom) == 16, "sets and maps are arrays of atoms");

const char *atom_type_name(enum atom_type type); // as in schemas: "integer", ...
// Parses the name of a type, but not "void". False, with *ret untouched, if it is unknown.
bool atom_type_parse(struct slice name, enum atom_type *ret);
json_t *atom_type_to_json(enum atom_type type);

// The default value (RFC 7047 5.2.1): 0, false, "", the zero UUID. The caller owns it.
union atom atom_default(enum atom_type type);
bool atom_is_default(union atom atom, enum atom_type type);
// Releases the reference to the text of a string atom.
void atom_done(union atom atom, enum atom_type type);
union atom atom_copy(union atom atom, enum atom_type type); // O(1): shares a string
bool atom_equals(union atom a, union atom b, enum atom_type type);
// The order in which sets and maps are stored and printed: numbers by value, false before true,
// strings and UUIDs byte by byte.
int atom_compare(union atom a, union atom b, enum atom_type type);
uint64_t atom_hash(union atom atom, enum atom_type type, uint64_t basis);

struct symbol_table; // the <named-uuid>s of a transaction, see symbol.h

// Decodes the <atom> at the cursor. `symbols` may be NULL; named-uuids are errors then. `scratch`
// is overwritten.
struct ovsdb_error *atom_decode(struct cursor *cursor, enum atom_type type,
                                struct symbol_table *symbols, struct buf *scratch, union atom *ret);
// Writes the <atom>. O(length).
void atom_put(struct buf *buf, union atom atom, enum atom_type type);
// Writes the atom for people and command lines: strings in quotes only where they are needed, UUIDs
// without ["uuid", ...].
void atom_put_text(struct buf *buf, union atom atom, enum atom_type type);
