// SPDX-License-Identifier: Apache-2.0
// Helpers that parse types and values, for the tests of this layer.
#pragma once

#include "model/datum.h"
#include "unit.h"
#include "json/tree.h"

// Parses a type. The test fails if it is invalid.
static inline struct type make_type(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    struct ovsdb_error *error;
    struct type type;

    assert_non_null(json);
    error = type_from_json(json, &type);
    assert_null(error);
    json_decref(json);
    return type;
}

static inline struct ovsdb_error *try_datum(const struct type *type, const char *text,
                                            enum datum_check check, struct symbol_table *symbols,
                                            union datum *ret)
{
    struct buf scratch = {0};
    struct ovsdb_error *error;
    struct cursor cursor;

    cursor_init(&cursor, slice_of(text));
    error = datum_decode(&cursor, type, check, symbols, &scratch, ret);
    if (!error) {
        assert_ptr_equal(cursor.p, cursor.end);
    }
    buf_done(&scratch);
    return error;
}

// Decodes a value. The test fails if it is invalid.
static inline union datum make_datum(const struct type *type, const char *text)
{
    union datum datum;

    assert_null(try_datum(type, text, DATUM_CHECK_NOTHING, NULL, &datum));
    return datum;
}

static inline void assert_datum_is(union datum datum, const struct type *type, const char *expected)
{
    struct buf text = {0};

    datum_put(&text, datum, type);
    assert_string_equal(buf_cstr(&text), expected);
    buf_done(&text);
}

// Consumes `error`.
static inline void assert_error_is(struct ovsdb_error *error, const char *tag, const char *details)
{
    assert_non_null(error);
    assert_string_equal(error->tag, tag);
    if (!error->details || !strstr(error->details, details)) {
        fail_msg("\"%s\" expected in \"%s\"", details, error->details ? error->details : "");
    }
    error_free(error);
}

// Asserts I-2: the keys are strictly ascending. Checks the form of the tree as well.
static inline void assert_datum_sorted(union datum datum, const struct type *type)
{
    const char *problem = type_is_scalar(type) ? NULL : elems_check(datum.elems, type->key.type);

    if (problem) {
        fail_msg("%s", problem);
    }
}

// Returns the same numbers in every run.
static inline unsigned random_below(unsigned n)
{
    static uint64_t state = 0x9e3779b97f4a7c15u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % n;
}

// An atom for each number; the atoms are in the order of their numbers.
static inline union atom make_atom(enum atom_type type, int n)
{
    char text[20];

    if (type == ATOM_STRING) {
        snprintf(text, sizeof(text), "k%05d", n);
        return (union atom){.string = text_new(slice_of(text))};
    }
    return type == ATOM_UUID ? (union atom){.uuid = {1, (uint64_t)n}} : (union atom){.integer = n};
}
