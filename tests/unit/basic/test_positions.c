// SPDX-License-Identifier: Apache-2.0
#include "basic/positions.h"

#include "unit.h"

#define N 20

struct waiting {
    struct position_waiter waiter;
    int n_durable, n_lost;
    struct waiting *cancels; // when it is settled, or NULL
};

static uint64_t last_settled;

static void on_settled(struct position_waiter *waiter, bool is_lost)
{
    struct waiting *w = CONTAINER_OF(waiter, struct waiting, waiter);

    assert_true(position_is_durable(waiter->position)); // what is queued from here does not wait
    assert_true(waiter->position.value >= last_settled);
    last_settled = waiter->position.value;
    *(is_lost ? &w->n_lost : &w->n_durable) += 1;
    if (w->cancels) {
        position_waiter_cancel(&w->cancels->waiter);
    }
}

static void wait_for(struct positions *positions, struct waiting *w, uint64_t value)
{
    *w = (struct waiting){0};
    position_wait((struct position){positions, value}, &w->waiter, on_settled);
}

static void issue(struct positions *positions, int n)
{
    for (int i = 0; i < n; i++) {
        uint64_t last = positions->issued;

        assert_int_equal(positions_issue(positions), last + 1);
    }
}

static void test_none(void **state)
{
    struct positions positions;

    positions_init(&positions);
    assert_true(position_is_durable(POSITION_NONE));
    assert_true(position_is_durable(positions_last(&positions))); // before the first commit
    issue(&positions, 1);
    assert_false(position_is_durable(positions_last(&positions)));
    positions_done(&positions);
}

// Waiters are settled in order of position, not in the order in which they began to wait.
static void test_order(void **state)
{
    struct waiting waiting[N];
    struct positions positions;

    positions_init(&positions);
    issue(&positions, N);
    last_settled = 0;
    for (int i = 0; i < N; i++) {
        wait_for(&positions, &waiting[i], (uint64_t)(i * 7 % N + 1));
    }
    for (uint64_t durable = 1; durable <= N; durable += 3) {
        positions_advance(&positions, durable);
        positions_advance(&positions, durable - 1); // an older one changes nothing
        for (int i = 0; i < N; i++) {
            assert_int_equal(waiting[i].n_durable, waiting[i].waiter.position.value <= durable);
        }
    }
    positions_advance(&positions, N);
    positions_done(&positions);
    assert_int_equal(last_settled, N);
}

// After a loss later positions are waited for as usual.
static void test_loss(void **state)
{
    struct waiting waiting[4];
    struct positions positions;

    positions_init(&positions);
    last_settled = 0;
    issue(&positions, 3);
    for (uint64_t i = 0; i < 3; i++) {
        wait_for(&positions, &waiting[i], i + 1);
    }
    positions_advance(&positions, 1);
    positions_lose(&positions);
    assert_true(position_is_durable(positions_last(&positions)));
    issue(&positions, 1);
    wait_for(&positions, &waiting[3], 4);
    positions_advance(&positions, 3);
    assert_int_equal(waiting[3].n_durable, 0);
    positions_advance(&positions, 4);
    positions_lose(&positions);
    for (int i = 0; i < 4; i++) {
        bool is_lost = i == 1 || i == 2;

        assert_int_equal(waiting[i].n_lost, is_lost);
        assert_int_equal(waiting[i].n_durable, !is_lost);
    }
    positions_done(&positions);
}

static void test_cancel(void **state)
{
    struct waiting waiting[3];
    struct positions positions;

    positions_init(&positions);
    last_settled = 0;
    issue(&positions, 1);
    for (int i = 0; i < 3; i++) {
        wait_for(&positions, &waiting[i], 1);
    }
    waiting[0].cancels = &waiting[1];
    positions_advance(&positions, 1);
    assert_int_equal(waiting[0].n_durable, 1);
    assert_int_equal(waiting[1].n_durable, 0);
    assert_int_equal(waiting[2].n_durable, 1);
    position_waiter_cancel(&waiting[2].waiter); // it is settled
    positions_done(&positions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_cancel),
    };

    return cmocka_run_group_tests_name("positions", tests, NULL, NULL);
}
