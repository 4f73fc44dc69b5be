// SPDX-License-Identifier: Apache-2.0
// Every reply that may show a commit carries its ticket; a reply to "echo" does not.
#include "script_runner.h"

static uint64_t ticket_of_reply(struct script_runner *runner, const char *request)
{
    struct client *client = &runner->clients[0];

    client->last_ticket = 0;
    runner_send(runner, 'A', request);
    free(runner_take(runner, 'A'));
    return client->last_ticket;
}

static void test_tickets(void **state)
{
    struct script_runner runner;

    runner_init(&runner);
    runner_open(&runner, 'A', "");
    runner.ticket = 7;
    assert_int_equal(ticket_of_reply(&runner, "{\"id\":1,\"method\":\"echo\",\"params\":[]}"), 0);
    assert_int_equal(ticket_of_reply(&runner,
                                     "{\"id\":2,\"method\":\"transact\",\"params\":[\"shop\","
                                     "{\"op\":\"select\",\"table\":\"Item\",\"where\":[]}"
                                     "]}"),
                     7);
    runner_done(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tickets),
    };

    return cmocka_run_group_tests_name("tickets", tests, NULL, NULL);
}
