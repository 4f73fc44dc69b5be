// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

static void test_compare(void **state)
{
    assert_int_equal(slice_compare(SLICE("a"), SLICE("a")), 0);
    assert_true(slice_compare(SLICE("a"), SLICE("ab")) < 0);
    assert_true(slice_compare(SLICE("b"), SLICE("ab")) > 0);
    assert_true(slice_compare(SLICE("\xff"), SLICE("a")) > 0);
    assert_int_equal(slice_compare(SLICE_EMPTY, SLICE("")), 0);
    assert_true(slice_compare(SLICE_EMPTY, SLICE("a")) < 0);
}

static void test_equals(void **state)
{
    assert_true(slice_equals(SLICE_EMPTY, SLICE("")));
    assert_true(slice_is(SLICE("abc"), "abc"));
    assert_false(slice_is(SLICE("abc"), "ab"));
    assert_false(slice_equals(SLICE("abc"), SLICE("abd")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_equals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
