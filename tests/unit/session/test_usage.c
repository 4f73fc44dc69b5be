// SPDX-License-Identifier: Apache-2.0
// The resources that clients use, with a clock that advances by a microsecond at each reading.
#include "script_runner.h"
#include "session/usage.h"

#define INSERT                                                                                     \
    "{\"id\":0,\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"insert\",\"table\":"         \
    "\"Item\","                                                                                    \
    "\"row\":{\"name\":\"x\"}}]}"
#define MONITOR                                                                                    \
    "{\"id\":0,\"method\":\"monitor\",\"params\":[\"shop\",\"m\",{\"Item\":{\"columns\":["         \
    "\"name\"]}}]}"
#define WAIT                                                                                       \
    "{\"id\":9,\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"wait\",\"table\":\"Item\","  \
    "\"where\":[],\"columns\":[\"name\"],\"until\":\"==\",\"rows\":[]}]}"

static usec_t clock_time;

static usec_t ticking_clock(void)
{
    return ++clock_time;
}

static void drain(struct script_runner *runner, char letter)
{
    char *message;

    while (server_run(runner->server, runner->now)) {
    }
    while ((message = runner_take(runner, letter))) {
        free(message);
    }
}

static void take_monitor(const struct session_monitor_usage *usage, void *userdata)
{
    struct session_monitor_usage *ret = userdata;

    assert_null(ret->database); // called once
    *ret = *usage;
}

static void test_usage(void **state)
{
    struct session_monitor_usage monitor = {0};
    struct session_usage usage;
    const struct session *first, *second;
    struct script_runner runner;

    runner_init(&runner);
    server_set_clock(runner.server, ticking_clock);
    runner_open(&runner, 'A', "");
    runner_open(&runner, 'B', "ro");
    first = server_next_session(runner.server, NULL);
    second = server_next_session(runner.server, first);
    assert_string_equal(session_name(first), "A");
    assert_string_equal(session_name(second), "B");
    assert_null(server_next_session(runner.server, second));
    assert_ptr_equal(session_userdata(first), &runner.clients[0]);

    runner_send(&runner, 'B', MONITOR);
    runner_send(&runner, 'A', INSERT);
    runner_send(&runner, 'A', WAIT);
    runner_send(&runner, 'A', "{\"id\":1,\"method\":\"lock\",\"params\":[\"l\"]}");
    drain(&runner, 'A');
    drain(&runner, 'B');
    session_usage(first, &usage);
    assert_int_equal(usage.n_requests, 3);
    assert_int_equal(usage.n_transactions, 1); // the other one waits
    assert_int_equal(usage.n_waiting, 1);
    assert_int_equal(usage.n_locks, 1);
    assert_int_equal(usage.n_monitors, 0);
    assert_false(usage.read_only);
    session_usage(second, &usage);
    assert_true(usage.read_only);
    assert_int_equal(usage.n_requests, 1);
    assert_int_equal(usage.n_transactions, 0);
    assert_int_equal(usage.n_monitors, 1);
    assert_true(usage.since > 0);
    assert_true(usage.busy > 0); // the update
    session_visit_monitors(second, take_monitor, &monitor);
    assert_string_equal(monitor.database, "shop");
    assert_memory_equal(monitor.id.data, "\"m\"", 3);
    assert_true(monitor.has_started);
    assert_false(monitor.is_behind);
    assert_int_equal(monitor.sent.n_messages, 2); // the initial contents and the update
    assert_int_equal(monitor.sent.n_rows, 1);
    assert_true(monitor.sent.n_bytes > strlen("{}") + UUID_LEN);
    assert_int_equal(monitor.sent.busy, usage.busy);
    runner_done(&runner);
}

// The client's `busy` includes the time for monitors that have ended.
static void test_ended_monitor(void **state)
{
    struct session_usage before, after;
    const struct session *session;
    struct script_runner runner;

    runner_init(&runner);
    server_set_clock(runner.server, ticking_clock);
    runner_open(&runner, 'A', "");
    session = server_next_session(runner.server, NULL);
    runner_open(&runner, 'B', "");
    runner_send(&runner, 'A', MONITOR);
    runner_send(&runner, 'B', INSERT);
    drain(&runner, 'A');
    session_usage(session, &before);
    assert_true(before.busy > 0);
    runner_send(&runner, 'A', "{\"id\":1,\"method\":\"monitor_cancel\",\"params\":[\"m\"]}");
    session_usage(session, &after);
    assert_int_equal(after.n_monitors, 0);
    assert_int_equal(after.busy, before.busy);
    drain(&runner, 'B');
    runner_done(&runner);
}

static void assert_locks(const struct session *session, enum lock_state state, const char *expected)
{
    _cleanup_buf_ struct buf names = {0};

    session_put_locks(session, state, &names);
    assert_slice_is(buf_slice(&names), expected);
}

static void test_names_of_locks(void **state)
{
    const struct session *first, *second;
    struct script_runner runner;

    runner_init(&runner);
    runner_open(&runner, 'A', "");
    runner_open(&runner, 'B', "");
    first = server_next_session(runner.server, NULL);
    second = server_next_session(runner.server, first);
    assert_locks(first, LOCKS_HELD, "");
    runner_send(&runner, 'A', "{\"id\":1,\"method\":\"lock\",\"params\":[\"m\"]}");
    runner_send(&runner, 'A', "{\"id\":1,\"method\":\"lock\",\"params\":[\"l\"]}");
    runner_send(&runner, 'A', "{\"id\":1,\"method\":\"steal\",\"params\":[\"s\"]}");
    runner_send(&runner, 'B', "{\"id\":1,\"method\":\"lock\",\"params\":[\"m\"]}");
    runner_send(&runner, 'B', "{\"id\":1,\"method\":\"steal\",\"params\":[\"s\"]}");
    assert_locks(first, LOCKS_HELD, "l m");
    assert_locks(first, LOCKS_LOST, "s");
    assert_locks(first, LOCKS_WAITING, "");
    assert_locks(second, LOCKS_HELD, "s");
    assert_locks(second, LOCKS_WAITING, "m");
    runner_done(&runner);
}

// Each value is that of the client that uses most, not a sum.
static void test_taken(void **state)
{
    struct server_limits taken;
    struct script_runner runner;

    runner_init(&runner);
    runner_open(&runner, 'A', "");
    runner_open(&runner, 'B', "");
    server_taken(runner.server, &taken);
    assert_int_equal(taken.max_monitors, 0);
    runner_send(&runner, 'A', MONITOR);
    runner_send(&runner, 'B', MONITOR);
    runner_send(&runner, 'A', INSERT);
    runner_send(&runner, 'A', WAIT);
    runner_send(&runner, 'B', "{\"id\":1,\"method\":\"lock\",\"params\":[\"l\"]}");
    runner_send(&runner, 'B', "{\"id\":1,\"method\":\"lock\",\"params\":[\"m\"]}");
    runner_send(&runner, 'A', "{\"id\":1,\"method\":\"lock\",\"params\":[\"m\"]}");
    drain(&runner, 'A');
    runner.clients[0].backlog = 5000;
    server_taken(runner.server, &taken);
    assert_int_equal(taken.max_monitors, 1);
    assert_int_equal(taken.max_triggers, 1);
    assert_int_equal(taken.max_locks, 2);
    assert_true(taken.max_backlog >= 5000 && taken.max_backlog < 10000);
    assert_int_equal(taken.max_staged, 0);
    runner_done(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_ended_monitor),
        cmocka_unit_test(test_names_of_locks),
        cmocka_unit_test(test_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
