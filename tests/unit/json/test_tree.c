// SPDX-License-Identifier: Apache-2.0
#include "unit.h"
#include "json/tree.h"

static const char text[] =
    " {\"b\":[1.0,2.5,9223372036854775808,null,true,\"\\u00e9\"], \"a\":{}, \"b2\":[], \"b\":[1e2] "
    "} ";

static void test_round_trip(void **state)
{
    _cleanup_free_ char *error = NULL;
    _cleanup_tree_ json_t *tree = tree_parse(slice_of(text), &error);
    _cleanup_free_ char *printed = NULL;

    assert_non_null(tree);
    printed = tree_text(tree);
    assert_string_equal(printed, "{\"a\":{},\"b\":[100],\"b2\":[]}");
}

static void test_values(void **state)
{
    _cleanup_free_ char *error = NULL;
    _cleanup_tree_ json_t *tree =
        tree_parse(SLICE("[1.0,2.5,9223372036854775808,null,true,false,\"\\u00e9\"]"), &error);
    _cleanup_free_ char *printed = tree_text(tree);

    assert_true(json_is_integer(json_array_get(tree, 0)));
    assert_true(json_is_real(json_array_get(tree, 2)));
    assert_string_equal(printed, "[1,2.5,9.22337203685478e+18,null,true,false,\"\xc3\xa9\"]");
}

static void test_error(void **state)
{
    _cleanup_free_ char *error = NULL;

    assert_null(tree_parse(SLICE("[1,]"), &error));
    assert_string_equal(error, "line 1, column 4: a value expected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
