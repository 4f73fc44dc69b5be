// SPDX-License-Identifier: Apache-2.0
// A client whose monitor waits for initial contents: its requests and its waiting transactions are
// held until these have been sent. Other clients are served meanwhile.
#include "script_runner.h"

#define N_ROWS 10000

#define MONITOR                                                                                    \
    "{\"id\":\"m\",\"method\":\"monitor\",\"params\":[\"shop\",1,"                                 \
    "{\"Item\":{\"columns\":[\"count\"]}}]}"

static void run(struct script_runner *runner)
{
    while (server_run(runner->server, runner->now)) {
    }
}

static void assert_next(struct script_runner *runner, char letter, const char *begin)
{
    _cleanup_free_ char *message = runner_take(runner, letter);

    assert_non_null(message);
    if (strncmp(message, begin, strlen(begin))) {
        fail_msg("%.300s", message);
    }
}

static void assert_nothing(struct script_runner *runner, char letter)
{
    _cleanup_free_ char *message = runner_take(runner, letter);

    if (message) {
        fail_msg("%.300s", message);
    }
}

// B fills a table; A sends set_db_change_aware.
static void begin(struct script_runner *runner)
{
    _cleanup_buf_ struct buf request = {0};

    runner_init(runner);
    runner_open(runner, 'A', "");
    runner_open(runner, 'B', "");
    runner_send(runner, 'A', "{\"id\":0,\"method\":\"set_db_change_aware\",\"params\":[true]}");
    assert_next(runner, 'A', "{\"error\":null,\"id\":0,");
    buf_puts(&request, "{\"id\":0,\"method\":\"transact\",\"params\":[\"shop\"");
    for (int i = 0; i < N_ROWS; i++) {
        buf_printf(&request,
                   ",{\"op\":\"insert\",\"table\":\"Item\",\"row\":{\"name\":\"%d\",\"count\":1}}",
                   i);
    }
    buf_puts(&request, "]}");
    runner_send(runner, 'B', buf_cstr(&request));
    assert_next(runner, 'B', "{\"error\":null,\"id\":0,");
    run(runner);
}

static void test_held_transaction_runs_afterwards(void **state)
{
    struct script_runner runner;

    begin(&runner);
    runner_send(&runner, 'A',
                "{\"id\":\"w\",\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"wait\","
                "\"table\":\"Item\",\"where\":[[\"name\",\"==\",\"5\"]],\"columns\":[\"count\"],"
                "\"until\":\"==\",\"rows\":[{\"count\":2}]}]}");
    runner_send(&runner, 'A', MONITOR);
    assert_true(runner.clients[0].is_held);
    server_run(runner.server, runner.now); // the moment is fixed
    assert_nothing(&runner, 'A');
    runner_send(&runner, 'B',
                "{\"id\":1,\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"update\","
                "\"table\":\"Item\",\"where\":[[\"name\",\"==\",\"5\"]],\"row\":{\"count\":2}}]}");
    assert_next(&runner, 'B', "{\"error\":null,\"id\":1,");
    assert_true(runner.clients[0].is_held);
    run(&runner);
    assert_false(runner.clients[0].is_held);
    assert_next(&runner, 'A', "{\"error\":null,\"id\":\"m\",\"result\":{\"Item\":{");
    assert_next(&runner, 'A', "{\"id\":null,\"method\":\"update\",\"params\":[1,{\"Item\":{");
    assert_next(&runner, 'A', "{\"error\":null,\"id\":\"w\",\"result\":[{}]");
    assert_nothing(&runner, 'A');
    runner_done(&runner);
}

static void test_database_is_removed(void **state)
{
    struct script_runner runner;

    begin(&runner);
    runner_send(&runner, 'A', MONITOR);
    server_run(runner.server, runner.now);
    runner_remove_db(&runner, "shop");
    assert_false(runner.clients[0].is_held);
    assert_next(&runner, 'A', "{\"error\":null,\"id\":\"m\",\"result\":{\"Item\":{");
    assert_next(&runner, 'A', "{\"id\":null,\"method\":\"monitor_canceled\",\"params\":[1]");
    assert_nothing(&runner, 'A');
    runner_done(&runner);
}

static void test_client_disconnects(void **state)
{
    struct server_usage usage;
    struct script_runner runner;

    begin(&runner);
    runner_send(&runner, 'A', MONITOR);
    server_run(runner.server, runner.now);
    runner_close(&runner, 'A');
    server_usage(runner.server, &usage);
    assert_int_equal(usage.n_monitors, 0);
    run(&runner);
    runner_done(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_transaction_runs_afterwards),
        cmocka_unit_test(test_database_is_removed),
        cmocka_unit_test(test_client_disconnects),
    };

    return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
