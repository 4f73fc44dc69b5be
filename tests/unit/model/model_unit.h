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

// Asserts I-2: the keys are strictly ascending.
static inline void assert_datum_sorted(union datum datum, const struct type *type)
{
    const union atom *keys = datum_keys(&datum, type);

    for (uint32_t i = 1; i < datum_n(datum, type); i++) {
        assert_true(atom_compare(keys[i - 1], keys[i], type->key.type) < 0);
    }
}
