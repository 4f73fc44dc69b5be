// SPDX-License-Identifier: Apache-2.0
// A client whose monitor takes time to start: what comes for it meanwhile comes afterwards, and the
// others do not notice.
#include "player.h"

#define N_ROWS 10000

#define MONITOR                                                                                    \
    "{\"id\":\"m\",\"method\":\"monitor\",\"params\":[\"shop\",1,"                                 \
    "{\"Item\":{\"columns\":[\"count\"]}}]}"

static void run(struct player *player)
{
    while (server_run(player->server, player->now)) {
    }
}

static void assert_next(struct player *player, char letter, const char *begin)
{
    _cleanup_free_ char *message = player_take(player, letter);

    assert_non_null(message);
    if (strncmp(message, begin, strlen(begin))) {
        fail_msg("%.300s", message);
    }
}

static void assert_nothing(struct player *player, char letter)
{
    _cleanup_free_ char *message = player_take(player, letter);

    if (message) {
        fail_msg("%.300s", message);
    }
}

// B fills a table; A announces that it knows of changes.
static void begin(struct player *player)
{
    _cleanup_buf_ struct buf request = {0};

    player_init(player);
    player_open(player, 'A', false);
    player_open(player, 'B', false);
    player_send(player, 'A', "{\"id\":0,\"method\":\"set_db_change_aware\",\"params\":[true]}");
    assert_next(player, 'A', "{\"error\":null,\"id\":0,");
    buf_puts(&request, "{\"id\":0,\"method\":\"transact\",\"params\":[\"shop\"");
    for (int i = 0; i < N_ROWS; i++) {
        buf_printf(&request,
                   ",{\"op\":\"insert\",\"table\":\"Item\",\"row\":{\"name\":\"%d\",\"count\":1}}",
                   i);
    }
    buf_puts(&request, "]}");
    player_send(player, 'B', buf_cstr(&request));
    assert_next(player, 'B', "{\"error\":null,\"id\":0,");
    run(player);
}

static void test_order(void **state)
{
    struct player player;

    begin(&player);
    player_send(&player, 'A',
                "{\"id\":\"w\",\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"wait\","
                "\"table\":\"Item\",\"where\":[[\"name\",\"==\",\"5\"]],\"columns\":[\"count\"],"
                "\"until\":\"==\",\"rows\":[{\"count\":2}]}]}");
    player_send(&player, 'A', MONITOR);
    assert_true(player.clients[0].is_held);
    server_run(player.server, player.now); // the moment is fixed
    assert_nothing(&player, 'A');
    player_send(&player, 'B',
                "{\"id\":1,\"method\":\"transact\",\"params\":[\"shop\",{\"op\":\"update\","
                "\"table\":\"Item\",\"where\":[[\"name\",\"==\",\"5\"]],\"row\":{\"count\":2}}]}");
    assert_next(&player, 'B', "{\"error\":null,\"id\":1,");
    assert_true(player.clients[0].is_held);
    run(&player);
    assert_false(player.clients[0].is_held);
    assert_next(&player, 'A', "{\"error\":null,\"id\":\"m\",\"result\":{\"Item\":{");
    assert_next(&player, 'A', "{\"id\":null,\"method\":\"update\",\"params\":[1,{\"Item\":{");
    assert_next(&player, 'A', "{\"error\":null,\"id\":\"w\",\"result\":[{}]");
    assert_nothing(&player, 'A');
    player_done(&player);
}

static void test_database_goes_away(void **state)
{
    struct player player;

    begin(&player);
    player_send(&player, 'A', MONITOR);
    server_run(player.server, player.now);
    player_remove_db(&player, "shop");
    assert_false(player.clients[0].is_held);
    assert_next(&player, 'A', "{\"error\":null,\"id\":\"m\",\"result\":{\"Item\":{");
    assert_next(&player, 'A', "{\"id\":null,\"method\":\"monitor_canceled\",\"params\":[1]");
    assert_nothing(&player, 'A');
    player_done(&player);
}

static void test_client_goes_away(void **state)
{
    struct server_usage usage;
    struct player player;

    begin(&player);
    player_send(&player, 'A', MONITOR);
    server_run(player.server, player.now);
    player_close(&player, 'A');
    server_usage(player.server, &usage);
    assert_int_equal(usage.n_monitors, 0);
    run(&player);
    player_done(&player);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_database_goes_away),
        cmocka_unit_test(test_client_goes_away),
    };

    return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
