// SPDX-License-Identifier: Apache-2.0
#include "basic/counter.h"

#include "unit.h"

COUNTER(zebras, "Zebras seen");
COUNTER(apes, "Apes seen");
DURATION(naps, "Naps taken");

static void test_registered_in_order(void **state)
{
    assert_ptr_equal(counter_next(NULL), &counter_apes);
    assert_ptr_equal(counter_next(&counter_apes), &counter_zebras);
    assert_null(counter_next(&counter_zebras));
    assert_ptr_equal(counter_find("zebras"), &counter_zebras);
    assert_null(counter_find("zebra"));
    assert_ptr_equal(duration_next(NULL), &duration_naps);
    assert_null(duration_next(&duration_naps));
}

static void assert_rates(const struct counter *counter, double recent, double minute, double hour)
{
    struct counter_rates rates;

    counter_rates(counter, &rates);
    assert_float_equal(rates.recent, recent, 1e-9);
    assert_float_equal(rates.minute, minute, 1e-9);
    assert_float_equal(rates.hour, hour, 1e-9);
}

// 10 events per second in the first interval, then 1 per second for two hours.
static void test_rates(void **state)
{
    assert_rates(&counter_zebras, 0, 0, 0);
    COUNT_N(zebras, 50);
    counters_sample();
    assert_rates(&counter_zebras, 10, 10, 10);
    for (int i = 0; i < 3; i++) {
        COUNT_N(zebras, 5);
        counters_sample();
    }
    assert_rates(&counter_zebras, 1, 65.0 / 20, 65.0 / 20);
    for (int i = 0; i < 2 * 720; i++) {
        for (int n = 0; n < 5; n++) {
            COUNT(zebras);
        }
        counters_sample();
    }
    assert_rates(&counter_zebras, 1, 1, 1);
    for (int i = 0; i < 357; i++) {
        counters_sample();
    }
    assert_rates(&counter_zebras, 0, 0, 363.0 / 720);
    assert_int_equal(counter_zebras.value, 65 + 5 * 2 * 720);
}

static void test_durations(void **state)
{
    duration_add(&duration_naps, 300);
    duration_add(&duration_naps, 100);
    assert_int_equal(duration_naps.n, 2);
    assert_int_equal(duration_naps.total, 400);
    assert_int_equal(duration_naps.longest, 300);
    duration_add(&duration_naps, 101);
    duration_add(&duration_naps, 5 * USEC_PER_SEC);
    duration_add(&duration_naps, 5 * USEC_PER_SEC + 1); // in no bucket
    assert_int_equal(duration_naps.buckets[0], 1);
    assert_int_equal(duration_naps.buckets[1], 2);
    assert_int_equal(duration_naps.buckets[DURATION_BUCKETS - 1], 1);
    assert_int_equal(duration_naps.n, 5);
    durations_clear();
    assert_int_equal(duration_naps.buckets[0] + duration_naps.buckets[1], 0);
    assert_int_equal(duration_naps.n + duration_naps.total + duration_naps.longest, 0);
}

// The text of each bound, in seconds, is the bound in microseconds.
static void test_bounds(void **state)
{
    for (size_t i = 0; i < DURATION_BUCKETS; i++) {
        assert_int_equal(strtod(duration_bounds[i].seconds, NULL) * USEC_PER_SEC + 0.5,
                         duration_bounds[i].bound);
        assert_true(!i || duration_bounds[i].bound > duration_bounds[i - 1].bound);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registered_in_order),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
