// SPDX-License-Identifier: Apache-2.0
// Decodes and prints the values of tests/data/model/values.json. For each type the table has texts
// with the text they must print as, and texts with the error they must give.
#include "model/symbol.h"
#include "model_unit.h"

static const char *table_path;

static const char *text_at(const json_t *row, size_t i)
{
    return json_string_value(json_array_get(row, i));
}

static void check_good(const struct type *type, const json_t *row)
{
    union datum datum, again;

    assert_null(try_datum(type, text_at(row, 0), DATUM_CHECK_ALL, NULL, &datum));
    assert_datum_is(datum, type, text_at(row, 1));
    assert_datum_sorted(datum, type);
    assert_null(datum_check(datum, type));
    again = make_datum(type, text_at(row, 1));
    assert_true(datum_equals(datum, again, type));
    assert_int_equal(datum_compare(datum, again, type), 0);
    assert_true(datum_hash(datum, type, 1) == datum_hash(again, type, 1));
    datum_done(again, type);
    datum_done(datum, type);
}

static void check_bad(const struct type *type, const json_t *row)
{
    struct symbol_table symbols = {.new_uuid = uuid_random};
    struct ovsdb_error *error;
    union datum datum;

    error = try_datum(type, text_at(row, 0), DATUM_CHECK_ALL, &symbols, &datum);
    if (!error) {
        fail_msg("%s is accepted", text_at(row, 0));
    }
    if (!strcmp(text_at(row, 1), ERROR_SYNTAX)) {
        assert_non_null(error->syntax);
    }
    assert_error_is(error, text_at(row, 1), text_at(row, 2));
    symbol_table_done(&symbols);
}

static void test_table(void **state)
{
    json_t *groups = json_load_file(table_path, 0, NULL);
    size_t n = 0;

    assert_non_null(groups);
    for (size_t i = 0; i < json_array_size(groups); i++) {
        json_t *group = json_array_get(groups, i);
        json_t *good = json_object_get(group, "good"), *bad = json_object_get(group, "bad");
        struct type type;

        assert_null(type_from_json(json_object_get(group, "type"), &type));
        for (size_t j = 0; j < json_array_size(good); j++, n++) {
            check_good(&type, json_array_get(good, j));
        }
        for (size_t j = 0; j < json_array_size(bad); j++, n++) {
            check_bad(&type, json_array_get(bad, j));
        }
        type_done(&type);
    }
    assert_true(n > 100);
    json_decref(groups);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
    };

    table_path = argv[argc - 1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
