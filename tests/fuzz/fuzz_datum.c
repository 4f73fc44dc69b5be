// SPDX-License-Identifier: Apache-2.0
// Decodes a type and values of it. The input is lines of JSON text: the first is a <type>, the
// others are <value>s. An accepted value must print as text that decodes to an equal value, and the
// laws of set algebra must hold for each two consecutive values.
#include "model/datum.h"
#include "model/symbol.h"
#include "json/framer.h"
#include "json/tree.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice next_line(struct slice *rest)
{
    const char *end = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
    struct slice line = {rest->data, end ? (size_t)(end - rest->data) : rest->size};
    size_t step = line.size + !!end;

    *rest = (struct slice){rest->data + step, rest->size - step};
    return line;
}

static bool decode(struct slice value, const struct type *type, enum datum_check check,
                   struct symbol_table *symbols, union datum *ret)
{
    _cleanup_buf_ struct buf scratch = {0};
    _cleanup_error_ struct ovsdb_error *error = NULL;
    struct cursor cursor;

    cursor_init(&cursor, value);
    error = datum_decode(&cursor, type, check, symbols, &scratch, ret);
    assert(error || cursor.p == cursor.end);
    return !error;
}

static void check_form(union datum datum, const struct type *type)
{
    assert(type_is_scalar(type) || !elems_check(datum.elems, type->key.type));
}

static void check_printing(union datum datum, const struct type *type)
{
    _cleanup_buf_ struct buf text = {0};
    struct slice value;
    union datum again;

    check_form(datum, type);
    datum_put(&text, datum, type);
    assert(!framer_check(buf_slice(&text), SIZE_MAX, &value, NULL));
    assert(decode(value, type, DATUM_CHECK_NOTHING, NULL, &again));
    assert(datum_equals(datum, again, type) && !datum_compare(datum, again, type));
    assert(datum_hash(datum, type, 0) == datum_hash(again, type, 0));
    datum_done(again, type);
    buf_clear(&text);
    datum_put_text(&text, datum, type);
    datum_put_bare(&text, datum, type);
    error_free(datum_check(datum, type));
}

static void check_algebra(union datum a, union datum b, const struct type *type)
{
    union datum both, rest;

    if (type_is_scalar(type)) {
        return;
    }
    both = datum_union(a, b, type);
    rest = datum_subtract(both, a, type, false);
    check_form(both, type);
    check_form(rest, type);
    assert(datum_includes_all(both, a, type));
    assert(datum_includes_all(b, rest, type));
    assert(datum_excludes_all(a, rest, type));
    datum_done(rest, type);
    datum_done(both, type);
}

static void check_diff(union datum a, union datum b, const struct type *type)
{
    union datum diff = datum_diff(a, b, type), result;
    struct ovsdb_error *error = datum_apply_diff(a, diff, type, &result);

    if (!error) {
        assert(datum_equals(result, b, type));
        check_form(result, type);
        datum_done(result, type);
    } else {
        uint32_t n = datum_n(b, type);

        assert(n < type->n_min || n > type->n_max);
        error_free(error);
    }
    datum_done(diff, type);
}

static void check_values(struct slice rest, const struct type *type)
{
    union datum previous = datum_default(type);
    struct symbol_table symbols = {.new_uuid = uuid_random};

    while (rest.size) {
        struct slice value;
        union datum datum;

        if (framer_check(next_line(&rest), SIZE_MAX, &value, NULL)) {
            continue;
        }
        if (decode(value, type, DATUM_CHECK_ALL, &symbols, &datum)) {
            struct ovsdb_error *error = datum_check(datum, type);

            assert(!error);
            datum_done(datum, type);
        }
        if (decode(value, type, DATUM_CHECK_NOTHING, &symbols, &datum)) {
            check_printing(datum, type);
            check_algebra(previous, datum, type);
            check_diff(previous, datum, type);
            datum_done(previous, type);
            previous = datum;
        }
    }
    datum_done(previous, type);
    symbol_table_done(&symbols);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = {(const char *)data, size}, line = next_line(&rest), value;
    _cleanup_error_ struct ovsdb_error *error = NULL;
    _cleanup_tree_ json_t *json = NULL;
    struct type type;

    if (framer_check(line, SIZE_MAX, &value, NULL)) {
        return 0;
    }
    json = tree_from_text(value);
    error = type_from_json(json, &type);
    if (!error) {
        free(type_text(&type));
        check_values(rest, &type);
        type_done(&type);
    }
    return 0;
}
