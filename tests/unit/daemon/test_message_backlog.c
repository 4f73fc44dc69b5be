// SPDX-License-Identifier: Apache-2.0
// How many messages are not sent, from the bytes that are not sent.
#include "unit.h"

#include "daemon/cluster/message_backlog.h"

static void assert_count(struct message_backlog *backlog, size_t unsent, size_t n, uint64_t turn)
{
    uint64_t first = 99;

    assert_int_equal(message_backlog_count(backlog, unsent, &first), n);
    assert_int_equal(first, turn);
}

static void test_count(void **state)
{
    struct message_backlog backlog = {0};

    assert_count(&backlog, 0, 0, 0);
    message_backlog_add(&backlog, 10, 1);
    message_backlog_add(&backlog, 20, 2);
    message_backlog_add(&backlog, 30, 3);
    assert_count(&backlog, 60, 3, 1);
    assert_count(&backlog, 51, 3, 1);
    assert_count(&backlog, 50, 2, 2);
    assert_count(&backlog, 1, 1, 3);
    assert_count(&backlog, 0, 0, 0);
    message_backlog_add(&backlog, 10, 4);
    assert_count(&backlog, 17, 1, 4); // a probe is queued, too
    assert_count(&backlog, 0, 0, 0);
    message_backlog_done(&backlog);
}

// The array does not grow with the messages that are sent.
static void test_memory(void **state)
{
    struct message_backlog backlog = {0};

    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t turn;

        message_backlog_add(&backlog, 100, i);
        assert_int_equal(message_backlog_count(&backlog, 300, &turn), i < 3 ? i + 1 : 3);
    }
    assert_in_range(backlog.capacity, 4, 16);
    message_backlog_done(&backlog);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
