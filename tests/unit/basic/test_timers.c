// SPDX-License-Identifier: Apache-2.0
// Timers come out of the heap in order of their deadlines.
#include "basic/timers.h"
#include "unit.h"

#define N 500

static struct timers timers;
static struct timer all[N];

static void test_comes_out_in_order(void **state)
{
    usec_t last = 0;
    struct timer *timer;
    unsigned n = 0;

    for (unsigned i = 0; i < N; i++) {
        timers_set(&timers, &all[i], i * 7919 % 1009);
    }
    while ((timer = timers_pop(&timers, USEC_INFINITY))) {
        assert_true(timer->deadline >= last);
        assert_int_equal(timer->position, 0);
        last = timer->deadline;
        n++;
    }
    assert_int_equal(n, N);
    assert_true(timers_next(&timers) == USEC_INFINITY);
}

static void test_moves_and_clears(void **state)
{
    usec_t last = 0;
    struct timer *timer;
    unsigned n = 0;

    for (unsigned i = 0; i < N; i++) {
        timers_set(&timers, &all[i], i);
    }
    for (unsigned i = 0; i < N; i += 3) {
        timers_set(&timers, &all[i], N * 2 - i);
    }
    for (unsigned i = 1; i < N; i += 3) {
        timers_clear(&timers, &all[i]);
        timers_clear(&timers, &all[i]);
    }
    while ((timer = timers_pop(&timers, USEC_INFINITY))) {
        assert_int_not_equal((timer - all) % 3, 1);
        assert_true(timer->deadline >= last);
        last = timer->deadline;
        n++;
    }
    assert_int_equal(n, N - (N + 1) / 3);
}

static void test_only_what_is_due(void **state)
{
    timers_set(&timers, &all[0], 20);
    timers_set(&timers, &all[1], 10);
    assert_true(timers_next(&timers) == 10);
    assert_null(timers_pop(&timers, 9));
    assert_ptr_equal(timers_pop(&timers, 10), &all[1]);
    assert_null(timers_pop(&timers, 19));
    assert_ptr_equal(timers_pop(&timers, 25), &all[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_out_in_order),
        cmocka_unit_test(test_moves_and_clears),
        cmocka_unit_test(test_only_what_is_due),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);

    timers_done(&timers);
    return r;
}
