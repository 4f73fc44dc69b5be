// SPDX-License-Identifier: Apache-2.0
// The state of a server's sessions is saved and restored into a second server with the same rows.
#include "session/saved.h"

#include "script_runner.h"

#define ROW "\"00000001-0000-4000-8000-000000000000\""

struct saved {
    struct buf server, sessions[RUNNER_CLIENTS];
};

static void saved_done(struct saved *saved)
{
    buf_done(&saved->server);
    for (size_t i = 0; i < RUNNER_CLIENTS; i++) {
        buf_done(&saved->sessions[i]);
    }
}

static void assert_json(const struct buf *buf)
{
    assert_null(framer_check(buf_slice(buf), SIZE_MAX, NULL, NULL));
}

static void save(struct script_runner *runner, struct saved *saved)
{
    *saved = (struct saved){0};
    server_settle(runner->server, runner->now);
    server_save(runner->server, &saved->server);
    assert_json(&saved->server);
    for (size_t i = 0; i < RUNNER_CLIENTS; i++) {
        if (runner->clients[i].session) {
            session_save(runner->clients[i].session, &saved->sessions[i]);
            assert_json(&saved->sessions[i]);
        }
    }
}

static bool restore(struct script_runner *runner, const struct saved *saved, char letter)
{
    return session_restore(runner_open(runner, letter, "")->session,
                           buf_slice(&saved->sessions[letter - 'A']));
}

// Fails unless the next message contains this text; NULL: unless there is no message.
static void assert_next(struct script_runner *runner, char letter, const char *expected)
{
    _cleanup_free_ char *message = runner_take(runner, letter);
    const char *text = message ? message : "nothing";

    if (!expected) {
        expected = "nothing";
    }
    if (!strstr(text, expected)) {
        fail_msg("%c: %.300s instead of %s", letter, text, expected);
    }
}

static void insert_row(struct script_runner *runner, char letter)
{
    runner_send(runner, letter,
                "{\"id\":\"i\",\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"insert\","
                "\"table\":\"Item\",\"uuid\":" ROW
                ",\"row\":{\"name\":\"a\",\"note\":\"in memory\"}}]}");
    assert_next(runner, letter, "\"id\":\"i\"");
}

static void begin(struct script_runner *runner, const char *letters)
{
    runner_init(runner);
    for (; *letters; letters++) {
        runner_open(runner, *letters, "");
    }
}

static void test_monitors(void **state)
{
    struct script_runner first, second;
    _cleanup_(saved_done) struct saved saved;

    begin(&first, "AB");
    insert_row(&first, 'A');
    runner_send(&first, 'B',
                "{\"id\":1,\"method\":\"monitor_cond\",\"params\":[\"shop\",[\"m\"],{\"Item\":"
                "{\"columns\":[\"note\",\"_version\"],\"where\":[[\"name\",\"==\",\"a\"]]}}]}");
    assert_next(&first, 'B', "in memory");
    runner_send(&first, 'A',
                "{\"id\":2,\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"update\","
                "\"table\":\"Item\",\"where\":[],\"row\":{\"note\":\"newer\"}}]}");
    first.clients[1].backlog = RUNNER_SLOW; // its update is coalesced
    server_run(first.server, first.now);
    assert_next(&first, 'B', NULL);
    save(&first, &saved);
    assert_next(&first, 'B', "newer");

    runner_init(&second);
    runner_open(&second, 'A', "");
    insert_row(&second, 'A');
    runner_close(&second, 'A');
    assert_true(server_restore(second.server, buf_slice(&saved.server), true));
    assert_true(uuid_equals(server_id(first.server), server_id(second.server)));
    assert_true(restore(&second, &saved, 'A'));
    assert_true(restore(&second, &saved, 'B'));
    server_end_restore(second.server);
    server_run(second.server, second.now);
    assert_next(&second, 'B', NULL);
    runner_send(&second, 'A',
                "{\"id\":3,\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"update\","
                "\"table\":\"Item\",\"where\":[[\"note\",\"==\",\"newer\"]],"
                "\"row\":{\"note\":\"newest\"}}]}");
    assert_next(&second, 'A', "{\"count\":1}");
    server_run(second.server, second.now);
    assert_next(&second, 'B', "[\"m\"]");
    runner_done(&first);
    runner_done(&second);
}

// Saving finishes initial contents that take several steps.
static void test_monitor_that_is_starting(void **state)
{
    struct script_runner first;
    _cleanup_(saved_done) struct saved saved;
    _cleanup_buf_ struct buf request = {0};

    begin(&first, "AB");
    buf_puts(&request, "{\"id\":0,\"method\":\"transact\",\"params\":[\"shop\"");
    for (int i = 0; i < 10000; i++) {
        buf_printf(&request, ",{\"op\":\"insert\",\"table\":\"Item\",\"row\":{\"name\":\"%d\"}}",
                   i);
    }
    buf_puts(&request, "]}");
    runner_send(&first, 'A', buf_cstr(&request));
    runner_send(&first, 'B',
                "{\"id\":1,\"method\":\"monitor\",\"params\":[\"shop\",1,{\"Item\":"
                "{\"columns\":[\"name\"]}}]}");
    assert_true(first.clients[1].is_held);
    save(&first, &saved);
    assert_false(first.clients[1].is_held);
    assert_next(&first, 'B', "\"id\":1");
    assert_non_null(strstr(buf_cstr(&saved.sessions[1]), "[[\"shop\",1,0,{\"Item\""));
    runner_done(&first);
}

static void test_locks(void **state)
{
    struct script_runner first, second;
    _cleanup_(saved_done) struct saved saved;

    begin(&first, "ABCD");
    for (char letter = 'A'; letter <= 'D'; letter++) {
        runner_send(&first, letter, "{\"id\":1,\"method\":\"lock\",\"params\":[\"l\"]}");
    }
    runner_send(&first, 'D', "{\"id\":1,\"method\":\"steal\",\"params\":[\"s\"]}");
    runner_send(&first, 'C', "{\"id\":1,\"method\":\"steal\",\"params\":[\"s\"]}");
    save(&first, &saved);
    runner_init(&second);
    assert_true(server_restore(second.server, buf_slice(&saved.server), true));
    // The owner's session is not restored, and the others are restored in another order.
    assert_true(restore(&second, &saved, 'D'));
    assert_true(restore(&second, &saved, 'B'));
    assert_true(restore(&second, &saved, 'C'));
    server_end_restore(second.server);
    assert_next(&second, 'B', "{\"id\":null,\"method\":\"locked\",\"params\":[\"l\"]}");
    assert_next(&second, 'C', NULL);
    assert_next(&second, 'D', NULL);
    runner_close(&second, 'B');
    assert_next(&second, 'C', "{\"id\":null,\"method\":\"locked\",\"params\":[\"l\"]}");
    runner_close(&second, 'C');
    assert_next(&second, 'D', "{\"id\":null,\"method\":\"locked\",\"params\":[\"l\"]}");
    assert_next(&second, 'D', NULL); // "s" was stolen from a thief
    runner_done(&first);
    runner_done(&second);
}

static void test_triggers(void **state)
{
    struct script_runner first, second;
    _cleanup_(saved_done) struct saved saved;

    begin(&first, "A");
    runner_send(&first, 'A',
                "{\"id\":[1, 2],\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"wait\","
                "\"timeout\":5000,\"table\":\"Item\",\"where\":[],\"columns\":[\"name\"],"
                "\"until\":\"!=\",\"rows\":[]}]}");
    save(&first, &saved);
    runner_init(&second);
    second.now = first.now + 3 * USEC_PER_SEC;
    assert_true(server_restore(second.server, buf_slice(&saved.server), true));
    assert_true(restore(&second, &saved, 'A'));
    server_end_restore(second.server);
    server_run(second.server, second.now);
    assert_next(&second, 'A', NULL);
    assert_true(server_deadline(second.server) == first.now + 5 * USEC_PER_SEC);
    runner_open(&second, 'B', "");
    insert_row(&second, 'B');
    server_run(second.server, second.now);
    assert_next(&second, 'A', "\"id\":[1,2]");
    runner_done(&first);
    runner_done(&second);
}

// Texts that session_save() does not write, and the text of a server with other databases.
static void test_invalid_texts(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[false,\"\",\"\",false,[],[]]",
        "[0,\"\",\"\",false,[],[],[]]",
        "[true,\"\",\"\",false,[],[],[]]", // the remote was read-only
        "[false,\"\",\"me\",false,[],[],[]]",
        "[false,\"role\",\"\",false,[],[],[]]", // the client had a role
        "[false,\"\",\"\",false,{},[],[]]",
        "[false,\"\",\"\",false,[1],[],[]]",
        "[false,\"\",\"\",false,[[\"x\",1,0,{},\"00000000-0000-0000-0000-000000000000\"]],[],[]]",
        "[false,\"\",\"\",false,[[\"shop\",1,3,{},\"00000000-0000-0000-0000-000000000000\"]],[],[]"
        "]",
        "[false,\"\",\"\",false,[[\"shop\",1,0,{},\"x\"]],[],[]]",
        "[false,\"\",\"\",false,[[\"shop\",1,0,{\"X\":{}},\"00000000-0000-0000-0000-000000000000\"]"
        "],"
        "[],[]]",
        "[false,\"\",\"\",false,[[\"shop\",1,0,{},\"00000001-0000-0000-0000-000000000000\"]],[],[]"
        "]",
        "[false,\"\",\"\",false,[],[[\"x\",1,[],0]],[]]",
        "[false,\"\",\"\",false,[],[[\"shop\",1,{},0]],[]]",
        "[false,\"\",\"\",false,[],[[\"shop\",1,[],0],[\"shop\",1.0,[],0]],[]]",
        "[false,\"\",\"\",false,[],[],[[\"l\",false]]]",
        "[false,\"\",\"\",false,[],[],[[\"l\",false,-1]]]",
        "[false,\"\",\"\",false,[],[],[[\"\",false,0]]]",
        "[false,\"\",\"\",false,[],[],[[\"l\",false,0],[\"l\",true,1]]]",
    };
    struct script_runner runner;

    runner_init(&runner);
    assert_false(server_restore(runner.server, SLICE("[]"), true));
    assert_false(server_restore(runner.server, SLICE("[1,2,3,{}]"), true));
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct client *client = runner_open(&runner, 'A', "");

        assert_false(session_restore(client->session, slice_of(texts[i])));
        server_end_restore(runner.server);
        runner_close(&runner, 'A');
    }
    runner_done(&runner);
}

#define WRITE(id)                                                                                  \
    "{\"id\":" id                                                                                  \
    ",\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"delete\",\"table\":"                  \
    "\"Other\",\"where\":[]}]}"

// What the source may have executed is not forwarded again; what waited for the source is.
static void test_forwarded(void **state)
{
    struct script_runner first, second;
    _cleanup_(saved_done) struct saved saved;

    begin(&first, "A");
    runner_make_relay(&first, true);
    server_set_source_ready(first.server, first.dbs[0], true);
    runner_send(&first, 'A', WRITE("1"));
    assert_next(&first, 'S', "\"id\":0");
    server_set_source_ready(first.server, first.dbs[0], false);
    runner_send(&first, 'A', WRITE("2"));
    save(&first, &saved);

    runner_init(&second);
    runner_make_relay(&second, true);
    assert_true(server_restore(second.server, buf_slice(&saved.server), true));
    assert_true(restore(&second, &saved, 'A'));
    server_end_restore(second.server);
    assert_next(&second, 'A', "connection lost");
    server_run(second.server, second.now);
    server_set_source_ready(second.server, second.dbs[0], true);
    server_run(second.server, second.now);
    assert_next(&second, 'S', "\"id\":0");
    assert_next(&second, 'S', NULL);
    runner_reply(&second, "{\"id\":0,\"result\":[{\"count\":0}]}");
    assert_next(&second, 'A', "\"id\":2");
    runner_done(&second);
    runner_done(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monitors),  cmocka_unit_test(test_monitor_that_is_starting),
        cmocka_unit_test(test_locks),     cmocka_unit_test(test_triggers),
        cmocka_unit_test(test_forwarded), cmocka_unit_test(test_invalid_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
