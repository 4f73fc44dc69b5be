// SPDX-License-Identifier: Apache-2.0
// The waits between two attempts to connect.
#include "net/backoff.h"
#include "unit.h"

static void test_waits_double_up_to_the_maximum(void **state)
{
    static const uint64_t expected[] = {1000, 2000, 4000, 5000, 5000};
    struct backoff backoff = {0};

    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        assert_int_equal(backoff_next(&backoff, 5000), expected[i]);
        assert_int_equal(backoff_is_at_maximum(&backoff, 5000), i >= 3);
    }
    backoff_reset(&backoff);
    assert_false(backoff_is_at_maximum(&backoff, 5000));
    assert_int_equal(backoff_next(&backoff, 5000), 1000);
}

static void test_extreme_maximums(void **state)
{
    struct backoff backoff = {0};

    assert_int_equal(backoff_next(&backoff, 10), 10);
    assert_int_equal(backoff_next(&backoff, 10), 10);
    backoff.last_ms = UINT64_MAX / 2 + 2;
    assert_int_equal(backoff_next(&backoff, UINT64_MAX), UINT64_MAX);
    assert_int_equal(backoff_next(&backoff, UINT64_MAX), UINT64_MAX);
    assert_int_equal(backoff_next(&backoff, 2000), 2000); // the maximum was lowered
}

static void test_lasting_connection_resets(void **state)
{
    struct backoff backoff = {.last_ms = 4000};

    backoff_connection_ended(&backoff, 3999 * USEC_PER_MSEC);
    assert_int_equal(backoff.last_ms, 4000);
    backoff_connection_ended(&backoff, 4000 * USEC_PER_MSEC);
    assert_int_equal(backoff.last_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_double_up_to_the_maximum),
        cmocka_unit_test(test_extreme_maximums),
        cmocka_unit_test(test_lasting_connection_resets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
