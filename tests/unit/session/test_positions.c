// SPDX-License-Identifier: Apache-2.0
// Output waits for the commit logs of the databases that it shows, and for no other log.
#include "script_runner.h"

#define SELECT "{\"op\":\"select\",\"table\":\"Item\",\"where\":[]}"
#define INSERT "{\"op\":\"insert\",\"table\":\"Other\",\"row\":{\"x\":1}}"

// For what the output to A waits since the last call.
static void expect_waits(struct script_runner *runner, uint64_t shop, uint64_t bar)
{
    struct client *client = &runner->clients[0];
    char *message;

    assert_int_equal(runner_waits(runner, 'A', "shop"), shop);
    assert_int_equal(runner_waits(runner, 'A', "bar"), bar);
    memset(client->waits, 0, sizeof(client->waits));
    while ((message = runner_take(runner, 'A'))) {
        free(message);
    }
}

static const struct {
    const char *request;
    uint64_t shop, bar;
} cases[] = {
    {"{\"id\":1,\"method\":\"echo\",\"params\":[]}"},
    {"{\"id\":1,\"method\":\"list_dbs\",\"params\":[]}"},
    {"{\"id\":1,\"method\":\"get_server_id\",\"params\":[]}"},
    {"{\"id\":1,\"method\":\"lock\",\"params\":[\"l\"]}"},
    {"{\"id\":1,\"method\":\"unlock\",\"params\":[\"l\"]}"},
    {"{\"id\":1,\"method\":\"nonsense\",\"params\":[\"shop\"]}"},
    {"{\"id\":1,\"method\":\"set_db_change_aware\",\"params\":[true]}"},
    {"{\"id\":1,\"method\":\"get_schema\",\"params\":[\"shop\"]}", 7, 0},
    {"{\"id\":1,\"method\":\"transact\",\"params\":[\"shop\"," SELECT "]}", 7, 0},
    {"{\"id\":1,\"method\":\"transact\",\"params\":[\"bar\"," SELECT "]}", 0, 9},
    {"{\"id\":1,\"method\":\"transact\",\"params\":[\"bar\",{\"op\":\"abort\"}]}", 0, 9},
    {"{\"id\":1,\"method\":\"transact\",\"params\":[\"_Server\",{\"op\":\"select\",\"table\":"
     "\"Database\",\"where\":[]}]}"},
    {"{\"id\":1,\"method\":\"monitor\",\"params\":[\"_Server\",\"s\",{\"Database\":{}}]}"},
    {"{\"id\":1,\"method\":\"monitor_cond\",\"params\":[\"shop\",\"m\",{\"Other\":{\"where\":"
     "[false]}}]}",
     7, 0},
    {"{\"id\":1,\"method\":\"monitor_cond_since\",\"params\":[\"bar\",\"n\",{\"Other\":{}},"
     "\"00000000-0000-0000-0000-000000000000\"]}",
     0, 9},
    {"{\"id\":1,\"method\":\"transact\",\"params\":[\"shop\"," INSERT "]}", 7, 0}, // not monitored
    // The update of the monitor comes before the reply.
    {"{\"id\":1,\"method\":\"transact\",\"params\":[\"bar\"," INSERT "]}", 0, 9},
    // The update that shows the row, then a reply that shows nothing.
    {"{\"id\":1,\"method\":\"monitor_cond_change\",\"params\":[\"m\",\"m\",{\"Other\":[{\"where\":"
     "[true]}]}]}",
     7, 0},
    {"{\"id\":1,\"method\":\"monitor_cancel\",\"params\":[\"n\"]}"},
};

static void test_requests(void **state)
{
    struct script_runner runner;

    runner_init(&runner);
    runner_add_db(&runner, "bar");
    runner_open(&runner, 'A', "");
    runner_set_position(&runner, "shop", 7);
    runner_set_position(&runner, "bar", 9);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        runner_send(&runner, 'A', cases[i].request);
        expect_waits(&runner, cases[i].shop, cases[i].bar);
    }
    runner_done(&runner);
}

// Updates and replies that come without a request of their client.
static void test_later(void **state)
{
    struct script_runner runner;

    runner_init(&runner);
    runner_add_db(&runner, "bar");
    runner_open(&runner, 'A', "");
    runner_open(&runner, 'B', "");
    runner_send(&runner, 'A',
                "{\"id\":1,\"method\":\"monitor\",\"params\":[\"shop\",\"m\",{\"Other\":{}}]}");
    runner_send(
        &runner, 'A',
        "{\"id\":2,\"method\":\"transact\",\"params\":[\"bar\",{\"op\":\"wait\",\"table\":"
        "\"Other\",\"where\":[],\"columns\":[\"x\"],\"until\":\"==\",\"rows\":[{\"x\":1}]}]}");
    expect_waits(&runner, 0, 0);
    runner_set_position(&runner, "shop", 7);
    runner_set_position(&runner, "bar", 9);
    runner_send(&runner, 'B',
                "{\"id\":1,\"method\":\"transact\",\"params\":[\"shop\"," INSERT "]}");
    server_run(runner.server, runner.now);
    expect_waits(&runner, 7, 0);
    runner_send(&runner, 'B', "{\"id\":1,\"method\":\"transact\",\"params\":[\"bar\"," INSERT "]}");
    server_run(runner.server, runner.now);
    expect_waits(&runner, 0, 9);
    runner_done(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_later),
    };

    return cmocka_run_group_tests_name("positions", tests, NULL, NULL);
}
