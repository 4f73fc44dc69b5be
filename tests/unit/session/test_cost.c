// SPDX-License-Identifier: Apache-2.0
// Idle sessions take little memory, and commits do not run transactions that wait for other tables.
#include "script_runner.h"

#include <malloc.h>

#define N_SESSIONS  5000
#define SESSION_MAX 400 // bytes
#define N_WAITING   1000

static void ignore_send(void *userdata, struct slice text, struct position position)
{
}

static void ignore_shared(void *userdata, struct text *text, struct position position)
{
}

static size_t no_backlog(void *userdata)
{
    return 0;
}

static void ignore_hold(void *userdata, bool on)
{
}

static void ignore_close(void *userdata, const char *reason)
{
}

static const struct session_sink sink = {ignore_send, ignore_shared, no_backlog, ignore_hold,
                                         ignore_close};

// The allocator of AddressSanitizer and others; NULL without one. mallinfo2() does not know it.
__attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes(void);

static size_t allocated_bytes(void)
{
    return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
                                                   : mallinfo2().uordblks;
}

// False under valgrind, whose allocator neither function knows.
static bool allocations_are_counted(void)
{
    size_t before = allocated_bytes();
    _cleanup_free_ char *block = xmalloc(1 << 16);

    block[0] = 1;
    return allocated_bytes() > before;
}

static void test_idle_sessions_are_small(void **state)
{
    static struct session *sessions[N_SESSIONS];
    struct server *server = server_new(uuid_random);
    const struct session_options options = {.name = "tcp:127.0.0.1:40000"};
    struct server_usage usage;
    size_t before = allocated_bytes(), size;

    for (size_t i = 0; i < N_SESSIONS; i++) {
        sessions[i] = session_new(server, &sink, NULL, &options);
        session_receive(sessions[i], SLICE("{\"id\":1,\"method\":\"list_dbs\",\"params\":[]}"), 0);
    }
    size = (allocated_bytes() - before) / N_SESSIONS;
    if (allocations_are_counted()) {
        assert_in_range(size, sizeof(void *), SESSION_MAX);
    } else {
        print_message("no allocator that counts: the size of a session is not checked\n");
    }
    server_usage(server, &usage);
    assert_int_equal(usage.n_sessions, N_SESSIONS);
    for (size_t i = 0; i < N_SESSIONS; i++) {
        session_free(sessions[i]);
    }
    server_free(server);
}

// A commit wakes only the transactions that wait for one of its tables.
static void test_waiting_for_other_tables(void **state)
{
    struct script_runner runner;
    struct server_usage usage;

    runner_init(&runner);
    runner_open(&runner, 'A', "");
    runner_open(&runner, 'B', "");
    for (int i = 0; i < N_WAITING; i++) {
        _cleanup_free_ char *text = xasprintf(
            "{\"id\":%d,\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"wait\","
            "\"table\":\"Other\",\"where\":[],\"columns\":[\"x\"],\"until\":\"==\","
            "\"rows\":[{\"x\":%d}],\"timeout\":%d}]}",
            i, i, 1000 + i * 7919 % N_WAITING);

        runner_send(&runner, 'A', text);
    }
    runner_send(&runner, 'B',
                "{\"id\":1,\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"insert\","
                "\"table\":\"Item\",\"row\":{\"name\":\"a\"}}]}");
    assert_int_equal(server_deadline(runner.server), runner.now + USEC_PER_SEC);
    runner_send(&runner, 'B',
                "{\"id\":1,\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"insert\","
                "\"table\":\"Other\",\"row\":{\"x\":77}}]}");
    assert_int_equal(server_deadline(runner.server), 0);
    // A run is bounded.
    assert_true(server_run(runner.server, runner.now));
    while (server_run(runner.server, runner.now)) {
    }
    server_usage(runner.server, &usage);
    assert_int_equal(usage.n_triggers, N_WAITING - 1);
    // The deadlines come in order.
    for (usec_t last = 0; (runner.now = server_deadline(runner.server)) != USEC_INFINITY;) {
        assert_true(runner.now > last);
        last = runner.now;
        assert_false(server_run(runner.server, runner.now));
    }
    server_usage(runner.server, &usage);
    assert_int_equal(usage.n_triggers, 0);
    assert_int_equal(usage.n_transactions, N_WAITING + 2);
    runner_done(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_sessions_are_small),
        cmocka_unit_test(test_waiting_for_other_tables),
    };

    return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
