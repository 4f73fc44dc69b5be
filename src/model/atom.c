// SPDX-License-Identifier: Apache-2.0
// Atoms in memory. Their JSON is in atom_json.c, their text for people in datum_text.c.
#include "model/atom.h"

#include <assert.h>

static const char *const type_names[ATOM_N_TYPES] = {
    [ATOM_VOID] = "void",       [ATOM_INTEGER] = "integer", [ATOM_REAL] = "real",
    [ATOM_BOOLEAN] = "boolean", [ATOM_STRING] = "string",   [ATOM_UUID] = "uuid",
};

const char *atom_type_name(enum atom_type type)
{
    assert(type < ATOM_N_TYPES);
    return type_names[type];
}

bool atom_type_parse(struct slice name, enum atom_type *ret)
{
    for (enum atom_type type = ATOM_INTEGER; type < ATOM_N_TYPES; type++) {
        if (slice_is(name, type_names[type])) {
            *ret = type;
            return true;
        }
    }
    return false;
}

json_t *atom_type_to_json(enum atom_type type)
{
    return json_string(type_names[type]);
}

union atom atom_default(enum atom_type type)
{
    union atom atom = {.uuid = UUID_ZERO};

    switch (type) {
    case ATOM_STRING:
        atom.string = text_empty();
        break;
    case ATOM_REAL:
        atom.real = 0.0;
        break;
    case ATOM_INTEGER:
    case ATOM_BOOLEAN:
    case ATOM_UUID:
    case ATOM_VOID:
    case ATOM_N_TYPES:
        break;
    }
    return atom;
}

bool atom_is_default(union atom atom, enum atom_type type)
{
    switch (type) {
    case ATOM_INTEGER:
        return !atom.integer;
    case ATOM_REAL:
        return atom.real == 0.0;
    case ATOM_BOOLEAN:
        return !atom.boolean;
    case ATOM_STRING:
        return !atom.string->size;
    case ATOM_UUID:
        return uuid_is_zero(atom.uuid);
    case ATOM_VOID:
    case ATOM_N_TYPES:
        break;
    }
    return true;
}

void atom_done(union atom atom, enum atom_type type)
{
    if (type == ATOM_STRING) {
        text_unref(atom.string);
    }
}

union atom atom_copy(union atom atom, enum atom_type type)
{
    if (type == ATOM_STRING) {
        text_ref(atom.string);
    }
    return atom;
}

bool atom_equals(union atom a, union atom b, enum atom_type type)
{
    switch (type) {
    case ATOM_INTEGER:
        return a.integer == b.integer;
    case ATOM_REAL:
        return a.real == b.real;
    case ATOM_BOOLEAN:
        return a.boolean == b.boolean;
    case ATOM_STRING:
        return a.string == b.string || (a.string->size == b.string->size &&
                                        !memcmp(a.string->data, b.string->data, a.string->size));
    case ATOM_UUID:
        return uuid_equals(a.uuid, b.uuid);
    case ATOM_VOID:
    case ATOM_N_TYPES:
        break;
    }
    return true;
}

int atom_compare(union atom a, union atom b, enum atom_type type)
{
    switch (type) {
    case ATOM_INTEGER:
        return (a.integer > b.integer) - (a.integer < b.integer);
    case ATOM_REAL:
        return (a.real > b.real) - (a.real < b.real);
    case ATOM_BOOLEAN:
        return a.boolean - b.boolean;
    case ATOM_STRING:
        return a.string == b.string ? 0 : slice_compare(text_slice(a.string), text_slice(b.string));
    case ATOM_UUID:
        return uuid_compare(a.uuid, b.uuid);
    case ATOM_VOID:
    case ATOM_N_TYPES:
        break;
    }
    return 0;
}

uint64_t atom_hash(union atom atom, enum atom_type type, uint64_t basis)
{
    uint64_t bits = 0;

    switch (type) {
    case ATOM_INTEGER:
        return hash_u64((uint64_t)atom.integer, basis);
    case ATOM_REAL:
        if (atom.real != 0.0) { // 0.0 and -0.0 are equal
            memcpy(&bits, &atom.real, sizeof(bits));
        }
        return hash_u64(bits, basis);
    case ATOM_BOOLEAN:
        return hash_u64(atom.boolean, basis);
    case ATOM_STRING:
        return hash_bytes(atom.string->data, atom.string->size, basis);
    case ATOM_UUID:
        return hash_u64(atom.uuid.lo, hash_u64(atom.uuid.hi, basis));
    case ATOM_VOID:
    case ATOM_N_TYPES:
        break;
    }
    return hash_mix(basis);
}
