// SPDX-License-Identifier: Apache-2.0
// The roles of databases: what clients may do, which of them a change disconnects, the rows of
// _Server.
#include "script_runner.h"
#include "session/internal.h"

#define INSERT(db)                                                                                 \
    "{\"id\":0,\"method\":\"transact\",\"params\":[\"" db                                          \
    "\",{\"op\":\"insert\",\"table\":\"Item\",\"row\":{\"name\":\"x\"}}]}"
#define AWARE "{\"id\":0,\"method\":\"set_db_change_aware\",\"params\":[true]}"
#define LOCK  "{\"id\":0,\"method\":\"lock\",\"params\":[\"door\"]}"
#define STAGE "{\"id\":0,\"method\":\"stage\",\"params\":[0,\"[\"]}"
#define ROWS                                                                                       \
    "{\"id\":0,\"method\":\"transact\",\"params\":[\"_Server\",{\"op\":\"select\",\"table\":"      \
    "\"Database\",\"where\":[[\"name\",\"==\",\"shop\"]],\"columns\":[\"model\",\"connected\","    \
    "\"leader\",\"cid\",\"index\"]}]}"

static int set_up(void **state)
{
    struct script_runner *runner = NEW(struct script_runner);

    runner_init(runner);
    if (!server_find_db(runner->server, SLICE("shop"))) {
        runner_add_db(runner, "shop");
    }
    runner_add_db(runner, "other");
    *state = runner;
    return 0;
}

static int tear_down(void **state)
{
    runner_done(*state);
    free(*state);
    return 0;
}

static struct db *find(const struct script_runner *runner, const char *name)
{
    return server_find_db(runner->server, slice_of(name));
}

// Sends a request, and checks that the reply contains `part`.
static void ask(struct script_runner *runner, char letter, const char *request, const char *part)
{
    char *reply;

    runner_send(runner, letter, request);
    reply = runner_take(runner, letter);
    assert_non_null(reply);
    if (!strstr(reply, part)) {
        fail_msg("%s is not in %s", part, reply);
    }
    free(reply);
}

static bool is_open(const struct script_runner *runner, char letter)
{
    return !runner->clients[letter - 'A'].close_reason[0];
}

static void test_rights_to_write(void **state)
{
    static const struct {
        enum db_role role;
        const char *part;
    } table[] = {
        {ROLE_BACKUP, "not allowed"},
        {ROLE_RELAY, "not allowed"},
        {ROLE_CLUSTERED, "uuid"},
        {ROLE_STANDALONE, "uuid"},
    };
    struct script_runner *runner = *state;

    runner_open(runner, 'A', "");
    ask(runner, 'A', AWARE, "{}");
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        server_set_role(runner->server, find(runner, "shop"), table[i].role);
        assert_int_equal(server_role(runner->server, find(runner, "shop")), table[i].role);
        if (table[i].role == ROLE_RELAY || table[i].role == ROLE_CLUSTERED) {
            ask(runner, 'A', INSERT("shop"), "database not available");
            server_set_state(runner->server, find(runner, "shop"),
                             &(struct db_state){.has_schema = true});
        }
        ask(runner, 'A', INSERT("shop"), table[i].part);
        ask(runner, 'A', INSERT("other"), "uuid");
    }
}

// Clients that use another database stay; those that have named none may be concerned.
static void test_disconnected_sessions(void **state)
{
    struct script_runner *runner = *state;

    for (char letter = 'A'; letter <= 'D'; letter++) {
        runner_open(runner, letter, "");
    }
    ask(runner, 'A', INSERT("shop"), "uuid");
    ask(runner, 'B', INSERT("other"), "uuid");
    ask(runner, 'C', AWARE, "{}");
    ask(runner, 'C', INSERT("shop"), "uuid");
    server_set_role(runner->server, find(runner, "shop"), ROLE_BACKUP);
    assert_false(is_open(runner, 'A'));
    assert_true(is_open(runner, 'B'));
    assert_true(is_open(runner, 'C'));
    assert_false(is_open(runner, 'D'));
    server_set_role(runner->server, find(runner, "shop"), ROLE_BACKUP); // no change
    assert_true(is_open(runner, 'C'));
}

// A session that uses only backups is refused locks and pieces of transactions.
static void test_locks(void **state)
{
    struct script_runner *runner = *state;

    server_set_role(runner->server, find(runner, "shop"), ROLE_BACKUP);
    for (char letter = 'A'; letter <= 'C'; letter++) {
        runner_open(runner, letter, "");
        ask(runner, letter, AWARE, "{}");
    }
    ask(runner, 'A', INSERT("shop"), "not allowed");
    ask(runner, 'A', LOCK, "not allowed");
    ask(runner, 'A', STAGE, "not allowed");
    ask(runner, 'B', LOCK, "\"locked\":true"); // uses both databases
    ask(runner, 'C', INSERT("shop"), "not allowed");
    ask(runner, 'C', INSERT("other"), "uuid");
    ask(runner, 'C', LOCK, "\"locked\":false");
    ask(runner, 'C', STAGE, "result");
    server_set_role(runner->server, find(runner, "shop"), ROLE_STANDALONE);
    assert_false(is_open(runner, 'A')); // its client requests the lock again
    assert_true(is_open(runner, 'B'));
    assert_true(is_open(runner, 'C'));
}

static void test_server_row(void **state)
{
    const struct db_state connected = {.is_connected = true, .has_schema = true, .index = 7};
    struct script_runner *runner = *state;

    runner_open(runner, 'A', "");
    ask(runner, 'A', AWARE, "{}");
    server_set_role(runner->server, find(runner, "shop"), ROLE_BACKUP);
    ask(runner, 'A', ROWS, "\"connected\":true");
    ask(runner, 'A', ROWS, "\"model\":\"standalone\"");
    server_set_role(runner->server, find(runner, "shop"), ROLE_RELAY);
    ask(runner, 'A', ROWS, "\"connected\":false");
    ask(runner, 'A', ROWS, "\"leader\":false");
    ask(runner, 'A', ROWS, "\"model\":\"relay\"");
    server_set_state(runner->server, find(runner, "shop"), &connected);
    ask(runner, 'A', ROWS, "\"connected\":true");
    ask(runner, 'A', ROWS, "\"index\":7");
    ask(runner, 'A', ROWS, "\"leader\":false");
    server_set_role(runner->server, find(runner, "shop"), ROLE_STANDALONE);
    ask(runner, 'A', ROWS, "\"leader\":true");
    ask(runner, 'A', ROWS, "\"index\":[\"set\",[]]");
}

// A session forgets a database that is not served any more.
static void test_removed_database(void **state)
{
    struct script_runner *runner = *state;

    runner_open(runner, 'A', "");
    ask(runner, 'A', AWARE, "{}");
    ask(runner, 'A', INSERT("other"), "uuid");
    assert_true(
        session_names(runner->clients[0].session, server_find(runner->server, SLICE("other"))));
    runner_remove_db(runner, "other");
    assert_int_equal(runner->clients[0].session->n_uses, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rights_to_write), TEST(test_disconnected_sessions), TEST(test_locks),
        TEST(test_server_row),      TEST(test_removed_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
