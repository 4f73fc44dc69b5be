// SPDX-License-Identifier: Apache-2.0
// What clients use, with a clock of which every reading is a microsecond later.
#include "player.h"
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

static void drain(struct player *player, char letter)
{
    char *message;

    while (server_run(player->server, player->now)) {
    }
    while ((message = player_take(player, letter))) {
        free(message);
    }
}

static void take_monitor(const struct session_monitor_usage *usage, void *userdata)
{
    struct session_monitor_usage *ret = userdata;

    assert_null(ret->database); // there is one
    *ret = *usage;
}

static void test_usage(void **state)
{
    struct session_monitor_usage monitor = {0};
    struct session_usage usage;
    const struct session *first, *second;
    struct player player;

    player_init(&player);
    server_set_clock(player.server, ticking_clock);
    player_open(&player, 'A', false);
    player_open(&player, 'B', true);
    first = server_next_session(player.server, NULL);
    second = server_next_session(player.server, first);
    assert_string_equal(session_name(first), "A");
    assert_string_equal(session_name(second), "B");
    assert_null(server_next_session(player.server, second));
    assert_ptr_equal(session_userdata(first), &player.clients[0]);

    player_send(&player, 'B', MONITOR);
    player_send(&player, 'A', INSERT);
    player_send(&player, 'A', WAIT);
    player_send(&player, 'A', "{\"id\":1,\"method\":\"lock\",\"params\":[\"l\"]}");
    drain(&player, 'A');
    drain(&player, 'B');
    session_usage(first, &usage);
    assert_int_equal(usage.n_requests, 3);
    assert_int_equal(usage.n_transactions, 1); // the other waits
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
    assert_int_equal(monitor.sent.n_messages, 2); // the initial contents, the update
    assert_int_equal(monitor.sent.n_rows, 1);
    assert_true(monitor.sent.n_bytes > strlen("{}") + UUID_LEN);
    assert_int_equal(monitor.sent.busy, usage.busy);
    player_done(&player);
}

// The time that a monitor took stays its client's when the monitor ends.
static void test_ended_monitor(void **state)
{
    struct session_usage before, after;
    const struct session *session;
    struct player player;

    player_init(&player);
    server_set_clock(player.server, ticking_clock);
    player_open(&player, 'A', false);
    session = server_next_session(player.server, NULL);
    player_open(&player, 'B', false);
    player_send(&player, 'A', MONITOR);
    player_send(&player, 'B', INSERT);
    drain(&player, 'A');
    session_usage(session, &before);
    assert_true(before.busy > 0);
    player_send(&player, 'A', "{\"id\":1,\"method\":\"monitor_cancel\",\"params\":[\"m\"]}");
    session_usage(session, &after);
    assert_int_equal(after.n_monitors, 0);
    assert_int_equal(after.busy, before.busy);
    drain(&player, 'B');
    player_done(&player);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_ended_monitor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
