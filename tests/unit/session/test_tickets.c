// SPDX-License-Identifier: Apache-2.0
// What waits for the disk: whatever might show a commit, and nothing else.
#include "player.h"

static uint64_t ticket_of_reply(struct player *player, const char *request)
{
    struct client *client = &player->clients[0];

    client->last_ticket = 0;
    player_send(player, 'A', request);
    free(player_take(player, 'A'));
    return client->last_ticket;
}

static void test_tickets(void **state)
{
    struct player player;

    player_init(&player);
    player_open(&player, 'A', false);
    player.ticket = 7;
    assert_int_equal(ticket_of_reply(&player, "{\"id\":1,\"method\":\"echo\",\"params\":[]}"), 0);
    assert_int_equal(ticket_of_reply(&player,
                                     "{\"id\":2,\"method\":\"transact\",\"params\":[\"shop\","
                                     "{\"op\":\"select\",\"table\":\"Item\",\"where\":[]}"
                                     "]}"),
                     7);
    player_done(&player);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tickets),
    };

    return cmocka_run_group_tests_name("tickets", tests, NULL, NULL);
}
