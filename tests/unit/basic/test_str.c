// SPDX-License-Identifier: Apache-2.0
#include "basic/str.h"
#include "unit.h"

static void test_none(void **state)
{
    char other[] = "a";

    assert_string_equal(str_or_empty(NULL), "");
    assert_string_equal(str_or_empty("a"), "a");
    assert_true(str_equals(NULL, NULL));
    assert_true(str_equals("a", other));
    assert_false(str_equals("a", "b"));
    assert_false(str_equals("", NULL));
    assert_false(str_equals(NULL, ""));
}

static void test_number(void **state)
{
    static const char *const bad[] = {
        "", " 1", "+1", "-1", "1 ", "0x1", "1e1", "18446744073709551616", "101", "a"};
    uint64_t number = 7;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(str_parse_number(bad[i], 100, &number));
    }
    assert_int_equal(number, 7);
    assert_true(str_parse_number("100", 100, &number));
    assert_int_equal(number, 100);
    assert_true(str_parse_number("007", 100, &number));
    assert_int_equal(number, 7);
    assert_true(str_parse_number("18446744073709551615", UINT64_MAX, &number));
    assert_true(number == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
