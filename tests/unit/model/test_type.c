// SPDX-License-Identifier: Apache-2.0
// Descriptions and bounds of types. Most tests of their JSON are in the table of schemas
// (test_schema.c).
#include "model_unit.h"

static void test_texts(void **state)
{
    static const struct {
        const char *type, *text;
        bool is_map, is_scalar, is_optional;
    } rows[] = {
        {"\"integer\"", "integer", false, true, false},
        {"{\"key\":\"uuid\",\"max\":1}", "uuid", false, true, false},
        {"{\"key\":\"real\",\"min\":0}", "optional real", false, false, true},
        {"{\"key\":\"string\",\"min\":0,\"max\":\"unlimited\"}", "set of strings", false, false,
         false},
        {"{\"key\":\"string\",\"min\":0,\"max\":3}", "set of up to 3 strings", false, false, false},
        {"{\"key\":\"uuid\",\"max\":\"unlimited\"}", "set of at least one UUIDs", false, false,
         false},
        {"{\"key\":\"boolean\",\"max\":2}", "set of at least one and up to 2 booleans", false,
         false, false},
        {"{\"key\":\"string\",\"value\":\"uuid\",\"min\":0,\"max\":\"unlimited\"}",
         "map of string-uuid pairs", true, false, false},
        {"{\"key\":\"string\",\"value\":\"integer\"}", "map of exactly one string-integer pair",
         true, false, false},
        {"{\"key\":\"string\",\"value\":\"integer\",\"min\":0}",
         "map of up to 1 string-integer pair", true, false, true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct type type = make_type(rows[i].type);
        char *text = type_text(&type);

        assert_string_equal(text, rows[i].text);
        assert_int_equal(type_is_map(&type), rows[i].is_map);
        assert_int_equal(type_is_scalar(&type), rows[i].is_scalar);
        assert_int_equal(type_is_optional(&type), rows[i].is_optional);
        free(text);
        type_done(&type);
    }
}

static void test_references(void **state)
{
    struct type strong = make_type("{\"key\":{\"type\":\"uuid\",\"refTable\":\"T\"}}");
    struct type weak =
        make_type("{\"key\":{\"type\":\"uuid\",\"refTable\":\"T\",\"refType\":\"weak\"}}");
    struct type none = make_type("\"uuid\"");

    assert_true(base_type_is_strong_ref(&strong.key));
    assert_false(base_type_is_weak_ref(&strong.key));
    assert_true(base_type_is_weak_ref(&weak.key));
    assert_false(base_type_is_strong_ref(&weak.key));
    assert_false(base_type_is_strong_ref(&none.key) || base_type_is_weak_ref(&none.key));
    assert_string_equal(strong.key.uuid.ref_table_name, "T");
    type_done(&none);
    type_done(&weak);
    type_done(&strong);
}

// *ret is untouched on error, and nothing leaks.
static void test_errors(void **state)
{
    json_t *json = json_loads(
        "{\"key\":{\"type\":\"string\",\"enum\":[\"set\",[\"a\",\"b\"]]},"
        "\"value\":{\"type\":\"uuid\",\"refTable\":\"T\"},\"min\":7}",
        0, NULL);
    struct type type = {.n_min = 42};

    assert_error_is(type_from_json(json, &type), ERROR_SYNTAX, "\"min\" must be 0 or 1");
    assert_int_equal(type.n_min, 42);
    json_decref(json);
}

// An error shows only the beginning of a long value.
static void test_long_value(void **state)
{
    struct type type = make_type("{\"key\":{\"type\":\"string\",\"maxLength\":10}}");
    struct buf text = {0};
    struct ovsdb_error *error;
    union datum datum;

    buf_putc(&text, '"');
    for (int i = 0; i < 2000; i++) {
        buf_puts(&text, "é");
    }
    buf_putc(&text, '"');
    error = try_datum(&type, buf_cstr(&text), DATUM_CHECK_ALL, NULL, &datum);
    assert_non_null(error);
    assert_true(strlen(error->details) < 400);
    assert_error_is(error, ERROR_CONSTRAINT, "é... has 2000 characters, the maximum is 10");
    buf_done(&text);
    type_done(&type);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_long_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
