// SPDX-License-Identifier: Apache-2.0
// The read path: values cut out of every split of the bytes, batches, limits, the end.
#include "world.h"

#include <stdio.h>
#include <string.h>

#define STREAM   "{\"method\":\"a\",\"params\":[],\"id\":0} [1, 2]\n{\"b\":\"\\u00e9}\"}[]"
#define MESSAGES "{\"method\":\"a\",\"params\":[],\"id\":0}\n [1, 2]\n\n{\"b\":\"\\u00e9}\"}\n[]\n"

static void test_every_split_in_two(void **state)
{
    struct world *world = *state;
    struct remote *remote = world_listen(world, "punix:s");
    struct slice all = SLICE(STREAM);

    for (size_t at = 0; at <= all.size; at++) {
        struct peer *peer;
        int fd = world_connect(world, remote, &peer);

        client_put(world, fd, (struct slice){all.data, at});
        world_settle(world);
        client_put(world, fd, (struct slice){all.data + at, all.size - at});
        RUN_UNTIL(world, peer->n_messages == 4);
        // White space before a value may arrive with it or by itself, and then is dropped.
        if (at == 34 || at == 41) {
            assert_int_equal(peer->messages.size, strlen(MESSAGES) - 1);
        } else {
            assert_messages(peer, MESSAGES);
        }
        assert_null(peer->connection->input.data);
        close(fd);
        RUN_UNTIL(world, peer->n_closed);
        assert_string_equal(peer->reason, "connection closed by peer");
    }
}

static void test_one_byte_at_a_time(void **state)
{
    struct world *world = *state;
    struct slice all = SLICE(STREAM);
    struct peer *peer;
    int fd = world_connect(world, world_listen(world, "punix:s"), &peer);

    for (size_t i = 0; i < all.size; i++) {
        client_put(world, fd, (struct slice){all.data + i, 1});
        world_settle(world);
    }
    assert_int_equal(peer->n_messages, 4);
    close(fd);
}

// More messages than one turn handles: in order, and others get their turns in between.
static void test_batches_are_fair(void **state)
{
    struct world *world = *state;
    struct remote *remote = world_listen(world, "punix:s");
    _cleanup_buf_ struct buf many = {0};
    struct peer *busy, *quick;
    int busy_fd = world_connect(world, remote, &busy);
    int quick_fd = world_connect(world, remote, &quick);

    for (int i = 0; i < 5000; i++) {
        buf_printf(&many, "[%d]", i);
    }
    client_put(world, busy_fd, buf_slice(&many));
    client_put(world, quick_fd, SLICE("[]"));
    RUN_UNTIL(world, quick->n_messages == 1);
    assert_in_range(busy->n_messages, 0, 2 * NET_INPUT_BATCH);
    RUN_UNTIL(world, busy->n_messages == 5000);
    assert_null(busy->connection->input.data);
    for (int i = 0, at = 0; i < 5000; i++) {
        char text[16];
        int size = sprintf(text, "[%d]\n", i);

        assert_memory_equal(busy->messages.data + at, text, size);
        at += size;
    }
    close(busy_fd);
    close(quick_fd);
}

static void hold(struct world *world, struct peer *peer, struct slice text)
{
    connection_hold(peer->connection, true);
}

// Nothing more is handled while a message takes time, and nothing is lost.
static void test_hold(void **state)
{
    struct world *world = *state;
    struct remote *remote = world_listen(world, "punix:s");
    struct peer *held, *other;
    int held_fd = world_connect(world, remote, &held);
    int other_fd = world_connect(world, remote, &other);

    world->on_message = hold;
    client_put(world, held_fd, SLICE("[1][2]"));
    RUN_UNTIL(world, held->n_messages);
    client_put(world, held_fd, SLICE("[3]"));
    world_settle(world);
    assert_int_equal(held->n_messages, 1);
    world->on_message = NULL;
    client_put(world, other_fd, SLICE("[]"));
    RUN_UNTIL(world, other->n_messages);
    assert_int_equal(held->n_messages, 1);
    shutdown(held_fd, SHUT_WR);
    world_settle(world);
    assert_int_equal(held->connection->state, CONNECTION_OPEN);
    connection_hold(held->connection, false);
    RUN_UNTIL(world, held->n_closed);
    assert_messages(held, "[1]\n[2]\n[3]\n");
    close(held_fd);
    close(other_fd);
}

// What was sent before the end is handled, and answered, though it takes several turns.
static void test_requests_before_the_end_are_answered(void **state)
{
    struct world *world = *state;
    _cleanup_buf_ struct buf many = {0};
    _cleanup_buf_ struct buf answers = {0};
    struct peer *peer;
    int fd = world_connect(world, world_listen(world, "punix:s"), &peer);

    world->echoes = true;
    for (int i = 0; i < 1000; i++) {
        buf_printf(&many, "[%d]", i);
    }
    client_put(world, fd, buf_slice(&many));
    shutdown(fd, SHUT_WR);
    RUN_UNTIL(world, !client_take(fd, &answers));
    assert_int_equal(answers.size, many.size);
    assert_memory_equal(answers.data, many.data, many.size);
    RUN_UNTIL(world, peer->n_closed);
    close(fd);
}

// The peer is gone altogether while its messages are still being handled.
static void test_hang_up_with_input_left(void **state)
{
    struct world *world = *state;
    _cleanup_buf_ struct buf many = {0};
    struct peer *peer;
    int fd = world_connect(world, world_listen(world, "punix:s"), &peer);

    for (int i = 0; i < 1000; i++) {
        buf_printf(&many, "[%d]", i);
    }
    client_put(world, fd, buf_slice(&many));
    close(fd);
    RUN_UNTIL(world, peer->n_closed);
    assert_int_equal(peer->n_messages, 1000);
}

static void test_end_within_a_message(void **state)
{
    struct world *world = *state;
    struct peer *peer;
    int fd = world_connect(world, world_listen(world, "punix:s"), &peer);

    client_put(world, fd, SLICE("[1] [2"));
    close(fd);
    RUN_UNTIL(world, peer->n_closed);
    assert_messages(peer, "[1]\n");
    assert_string_equal(peer->reason, "connection closed by peer in the middle of a message");
    assert_null(world->log);
}

static void test_big_message(void **state)
{
    struct world *world = *state;
    _cleanup_buf_ struct buf big = {0};
    struct peer *peer;
    int fd = world_connect(world, world_listen(world, "punix:s"), &peer);

    buf_puts(&big, "[\"");
    memset(buf_reserve(&big, 3000000), 'x', 3000000);
    big.size += 3000000;
    buf_puts(&big, "\"]");
    client_put(world, fd, buf_slice(&big));
    client_put(world, fd, SLICE("[2][3"));
    RUN_UNTIL(world, peer->n_messages == 2);
    world_settle(world);
    assert_int_equal(peer->messages.size, big.size + 1 + 4);
    assert_int_equal(peer->connection->input.size, 2);
    assert_true(peer->connection->input.capacity <= NET_READ_SIZE); // its memory is given back
    client_put(world, fd, SLICE("]"));
    RUN_UNTIL(world, peer->n_messages == 3);
    close(fd);
}

// A request that is too long is read to its end and then answered.
static void test_long_request(void **state)
{
    struct world *world = *state;
    struct net_limits limits = NET_LIMITS_DEFAULT;
    _cleanup_buf_ struct buf request = {0};
    _cleanup_buf_ struct buf answer = {0};
    struct peer *peer;
    int fd;

    limits.max_message = 1000;
    net_set_limits(world->net, &limits);
    fd = world_connect(world, world_listen(world, "punix:s"), &peer);
    buf_puts(&request, "{\"method\":\"a\",\"params\":[\"");
    memset(buf_reserve(&request, 3000000), 'x', 3000000);
    request.size += 3000000;
    buf_puts(&request, "\"]");
    client_put(world, fd, SLICE("[1]"));
    client_put(world, fd, buf_slice(&request));
    world_settle(world);
    assert_int_equal(peer->connection->state, CONNECTION_OPEN);
    assert_null(peer->connection->input.data); // nothing of it is kept
    client_put(world, fd, SLICE(",\"id\":7}[2]"));
    RUN_UNTIL(world, !client_take(fd, &answer));
    assert_non_null(strstr(buf_cstr(&answer), "\"id\":7"));
    assert_non_null(strstr(buf_cstr(&answer), "1000 bytes"));
    RUN_UNTIL(world, peer->n_closed);
    assert_messages(peer, "[1]\n");
    close(fd);
}

static void check_rejected(struct world *world, struct remote *remote, struct slice bytes,
                           const char *reason)
{
    struct peer *good, *bad;
    int good_fd = world_connect(world, remote, &good);
    int bad_fd = world_connect(world, remote, &bad);
    _cleanup_buf_ struct buf answers = {0};

    client_put(world, bad_fd, bytes);
    RUN_UNTIL(world, bad->n_closed);
    if (!strstr(bad->reason, reason)) {
        fail_msg("the reason is \"%s\"", bad->reason);
    }
    assert_false(client_take(bad_fd, &answers));
    assert_non_null(strstr(world->log, bad->name));
    assert_non_null(strstr(world->log, bad->reason));
    client_put(world, good_fd, SLICE("[]"));
    RUN_UNTIL(world, good->n_messages == 1);
    close(good_fd);
    close(bad_fd);
}

static void test_bad_bytes_close_only_their_connection(void **state)
{
    struct world *world = *state;
    struct remote *remote = world_listen(world, "punix:s");

    check_rejected(world, remote, SLICE("[1][2}"), "offset 2 of message 2");
    check_rejected(world, remote, SLICE("hello"), "offset 0 of message 1");
    check_rejected(world, remote, SLICE("[\"\xff\"]"), "offset 2 of message 1");
    check_rejected(world, remote, SLICE("[\"\\u0000\"]"), "message 1");
}

static void test_answers_before_bad_bytes_still_leave(void **state)
{
    struct world *world = *state;
    struct peer *peer;
    _cleanup_buf_ struct buf answers = {0};
    int fd = world_connect(world, world_listen(world, "ptcp:0:127.0.0.1"), &peer);

    world->echoes = true;
    client_put(world, fd, SLICE("[1][2]} and a lot more that nobody reads"));
    RUN_UNTIL(world, !client_take(fd, &answers));
    assert_int_equal(answers.size, 6);
    assert_memory_equal(answers.data, "[1][2]", 6);
    close(fd);
}

static void close_it(struct world *world, struct peer *peer, struct slice text)
{
    if (slice_is(text, "[\"close\"]")) {
        connection_close(peer->connection, "asked to");
        connection_send(peer->connection, SLICE("bye"), 0);
    }
}

static void test_close_from_a_message(void **state)
{
    struct world *world = *state;
    struct peer *peer;
    _cleanup_buf_ struct buf answers = {0};
    int fd = world_connect(world, world_listen(world, "punix:s"), &peer);

    world->on_message = close_it;
    client_put(world, fd, SLICE("[1][\"close\"][2]"));
    RUN_UNTIL(world, peer->n_closed);
    assert_messages(peer, "[1]\n[\"close\"]\n");
    assert_string_equal(peer->reason, "asked to");
    assert_false(client_take(fd, &answers));
    assert_int_equal(answers.size, 3);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_split_in_two),
        TEST(test_one_byte_at_a_time),
        TEST(test_batches_are_fair),
        TEST(test_hold),
        TEST(test_requests_before_the_end_are_answered),
        TEST(test_hang_up_with_input_left),
        TEST(test_end_within_a_message),
        TEST(test_big_message),
        TEST(test_long_request),
        TEST(test_bad_bytes_close_only_their_connection),
        TEST(test_answers_before_bad_bytes_still_leave),
        TEST(test_close_from_a_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
