// SPDX-License-Identifier: Apache-2.0
// A backup server: it refuses what changes something, and a change of its role disconnects the
// clients that would not notice it.
#include "script_runner.h"

#define LOCK  "{\"id\":1,\"method\":\"lock\",\"params\":[\"l\"]}"
#define AWARE "{\"id\":0,\"method\":\"set_db_change_aware\",\"params\":[true]}"

// The next message to the client must contain this text.
static void expect(struct script_runner *runner, char letter, const char *part)
{
    _cleanup_free_ char *message = runner_take(runner, letter);

    assert_non_null(message);
    if (!strstr(message, part)) {
        fail_msg("no \"%s\" in %s", part, message);
    }
}

static void assert_closed(const struct script_runner *runner, char letter, const char *reason)
{
    assert_string_equal(runner->clients[letter - 'A'].close_reason, reason);
}

static void test_role_changes(void **state)
{
    struct script_runner runner;

    runner_init(&runner);
    runner_open(&runner, 'A', false);
    runner_open(&runner, 'B', false);
    runner_send(&runner, 'B', AWARE);
    expect(&runner, 'B', "\"error\":null");
    server_set_backup(runner.server, false); // no change
    assert_closed(&runner, 'A', "");
    server_set_backup(runner.server, true);
    assert_true(server_is_backup(runner.server));
    assert_closed(&runner, 'A', "the server became a backup");
    assert_closed(&runner, 'B', "");
    runner_open(&runner, 'C', false);
    server_set_backup(runner.server, false);
    assert_closed(&runner, 'C', "the server became active");
    assert_closed(&runner, 'B', "");
    runner_done(&runner);
}

static void test_changes_are_refused(void **state)
{
    struct script_runner runner;

    runner_init(&runner);
    server_set_backup(runner.server, true);
    runner_open(&runner, 'A', false);
    runner_send(&runner, 'A',
                "{\"id\":1,\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"insert\","
                "\"table\":\"Other\",\"row\":{}}]}");
    expect(&runner, 'A', "\"error\":\"not allowed\"");
    runner_send(&runner, 'A',
                "{\"id\":1,\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"select\","
                "\"table\":\"Other\",\"where\":[]}]}");
    expect(&runner, 'A', "\"rows\":[]");
    runner_done(&runner);
}

// A client whose lock was refused asks again only after it has reconnected.
static void test_refused_lock(void **state)
{
    struct script_runner runner;

    runner_init(&runner);
    server_set_backup(runner.server, true);
    for (char letter = 'A'; letter <= 'B'; letter++) {
        runner_open(&runner, letter, false);
        runner_send(&runner, letter, AWARE);
        expect(&runner, letter, "\"error\":null");
    }
    runner_send(&runner, 'A', LOCK);
    expect(&runner, 'A', "lock of l: the databases are read-only here");
    server_set_backup(runner.server, false);
    assert_closed(&runner, 'A', "the server is active now and grants locks");
    assert_closed(&runner, 'B', "");
    runner_send(&runner, 'B', LOCK);
    expect(&runner, 'B', "\"locked\":true");
    runner_done(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_role_changes),
        cmocka_unit_test(test_changes_are_refused),
        cmocka_unit_test(test_refused_lock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
