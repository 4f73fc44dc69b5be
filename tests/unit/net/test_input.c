// SPDX-License-Identifier: Apache-2.0
// The read path: every split of the input, batches, limits, the end of the input.
#include "net_fixture.h"

#include <stdio.h>
#include <string.h>

#define STREAM   "{\"method\":\"a\",\"params\":[],\"id\":0} [1, 2]\n{\"b\":\"\\u00e9}\"}[]"
#define MESSAGES "{\"method\":\"a\",\"params\":[],\"id\":0}\n [1, 2]\n\n{\"b\":\"\\u00e9}\"}\n[]\n"

static void test_every_split_in_two(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");
    struct slice all = SLICE(STREAM);

    for (size_t at = 0; at <= all.size; at++) {
        struct peer *peer;
        int fd = fixture_connect(fixture, remote, &peer);

        client_put(fixture, fd, (struct slice){all.data, at});
        fixture_settle(fixture);
        client_put(fixture, fd, (struct slice){all.data + at, all.size - at});
        RUN_UNTIL(fixture, peer->n_messages == 4);
        // White space before a value is dropped if it arrives separately.
        if (at == 34 || at == 41) {
            assert_int_equal(peer->messages.size, strlen(MESSAGES) - 1);
        } else {
            assert_messages(peer, MESSAGES);
        }
        assert_null(peer->connection->input.data);
        close(fd);
        RUN_UNTIL(fixture, peer->n_closed);
        assert_string_equal(peer->reason, "connection closed by peer");
    }
}

static void test_one_byte_at_a_time(void **state)
{
    struct net_fixture *fixture = *state;
    struct slice all = SLICE(STREAM);
    struct peer *peer;
    int fd = fixture_connect(fixture, fixture_listen(fixture, "punix:s"), &peer);

    for (size_t i = 0; i < all.size; i++) {
        client_put(fixture, fd, (struct slice){all.data + i, 1});
        fixture_settle(fixture);
    }
    assert_int_equal(peer->n_messages, 4);
    close(fd);
}

// More messages than one turn handles are handled in order, with turns of other clients in between.
static void test_batches_are_fair(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");
    _cleanup_buf_ struct buf many = {0};
    struct peer *busy, *quick;
    int busy_fd = fixture_connect(fixture, remote, &busy);
    int quick_fd = fixture_connect(fixture, remote, &quick);

    for (int i = 0; i < 5000; i++) {
        buf_printf(&many, "[%d]", i);
    }
    client_put(fixture, busy_fd, buf_slice(&many));
    client_put(fixture, quick_fd, SLICE("[]"));
    RUN_UNTIL(fixture, quick->n_messages == 1);
    assert_in_range(busy->n_messages, 0, 2 * NET_INPUT_BATCH);
    RUN_UNTIL(fixture, busy->n_messages == 5000);
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

static void hold(struct net_fixture *fixture, struct peer *peer, struct slice text)
{
    connection_hold(peer->connection, true);
}

// While a connection is held no message is delivered; later all are.
static void test_hold(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");
    struct peer *held, *other;
    int held_fd = fixture_connect(fixture, remote, &held);
    int other_fd = fixture_connect(fixture, remote, &other);

    fixture->on_message = hold;
    client_put(fixture, held_fd, SLICE("[1][2]"));
    RUN_UNTIL(fixture, held->n_messages);
    client_put(fixture, held_fd, SLICE("[3]"));
    fixture_settle(fixture);
    assert_int_equal(held->n_messages, 1);
    fixture->on_message = NULL;
    client_put(fixture, other_fd, SLICE("[]"));
    RUN_UNTIL(fixture, other->n_messages);
    assert_int_equal(held->n_messages, 1);
    shutdown(held_fd, SHUT_WR);
    fixture_settle(fixture);
    assert_int_equal(held->connection->state, CONNECTION_OPEN);
    connection_hold(held->connection, false);
    RUN_UNTIL(fixture, held->n_closed);
    assert_messages(held, "[1]\n[2]\n[3]\n");
    close(held_fd);
    close(other_fd);
}

static struct buf taken;

static void take(struct net_fixture *fixture, struct peer *peer, struct slice text)
{
    const char *input = peer->connection->input.data;
    struct buf message = {0};

    connection_take_message(peer->connection, &message);
    assert_true(message.size < NET_READ_SIZE || message.data == input); // not copied
    buf_put_slice(&taken, buf_slice(&message));
    buf_putc(&taken, '\n');
    buf_done(&message);
}

// Messages that are taken over, in every split of the input: those before and after are not
// affected.
static void test_taken_messages(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");
    struct slice all = SLICE(STREAM);

    fixture->on_message = take;
    for (size_t at = 0; at <= all.size; at++) {
        struct peer *peer;
        int fd = fixture_connect(fixture, remote, &peer);

        client_put(fixture, fd, (struct slice){all.data, at});
        fixture_settle(fixture);
        client_put(fixture, fd, (struct slice){all.data + at, all.size - at});
        RUN_UNTIL(fixture, peer->n_messages == 4);
        assert_memory_equal(taken.data, peer->messages.data, peer->messages.size);
        assert_int_equal(taken.size, peer->messages.size);
        assert_null(peer->connection->input.data);
        buf_clear(&taken);
        close(fd);
        RUN_UNTIL(fixture, peer->n_closed);
    }
}

static void test_large_taken_messages(void **state)
{
    struct net_fixture *fixture = *state;
    _cleanup_buf_ struct buf text = {0};
    struct peer *peer;
    int fd = fixture_connect(fixture, fixture_listen(fixture, "punix:s"), &peer);

    fixture->on_message = take;
    for (int i = 0; i < 3; i++) {
        buf_puts(&text, "[\"");
        memset(buf_reserve(&text, 300000), 'a' + i, 300000);
        text.size += 300000;
        buf_puts(&text, "\"][1]");
    }
    client_put(fixture, fd, buf_slice(&text));
    RUN_UNTIL(fixture, peer->n_messages == 6);
    assert_int_equal(taken.size, text.size + 6);
    assert_int_equal(peer->messages.size, taken.size);
    assert_memory_equal(peer->messages.data, taken.data, taken.size);
    assert_null(peer->connection->input.data);
    buf_done(&taken);
    close(fd);
}

// Messages sent before the end of the input are handled and answered, even if it takes several
// turns.
static void test_requests_before_the_end_are_answered(void **state)
{
    struct net_fixture *fixture = *state;
    _cleanup_buf_ struct buf many = {0};
    _cleanup_buf_ struct buf answers = {0};
    struct peer *peer;
    int fd = fixture_connect(fixture, fixture_listen(fixture, "punix:s"), &peer);

    fixture->echoes = true;
    for (int i = 0; i < 1000; i++) {
        buf_printf(&many, "[%d]", i);
    }
    client_put(fixture, fd, buf_slice(&many));
    shutdown(fd, SHUT_WR);
    RUN_UNTIL(fixture, !client_take(fd, &answers));
    assert_int_equal(answers.size, many.size);
    assert_memory_equal(answers.data, many.data, many.size);
    RUN_UNTIL(fixture, peer->n_closed);
    close(fd);
}

// The peer closes its socket while its messages are still being handled.
static void test_hang_up_with_input_left(void **state)
{
    struct net_fixture *fixture = *state;
    _cleanup_buf_ struct buf many = {0};
    struct peer *peer;
    int fd = fixture_connect(fixture, fixture_listen(fixture, "punix:s"), &peer);

    for (int i = 0; i < 1000; i++) {
        buf_printf(&many, "[%d]", i);
    }
    client_put(fixture, fd, buf_slice(&many));
    close(fd);
    RUN_UNTIL(fixture, peer->n_closed);
    assert_int_equal(peer->n_messages, 1000);
}

static void test_end_within_a_message(void **state)
{
    struct net_fixture *fixture = *state;
    struct peer *peer;
    int fd = fixture_connect(fixture, fixture_listen(fixture, "punix:s"), &peer);

    client_put(fixture, fd, SLICE("[1] [2"));
    close(fd);
    RUN_UNTIL(fixture, peer->n_closed);
    assert_messages(peer, "[1]\n");
    assert_string_equal(peer->reason, "connection closed by peer in the middle of a message");
    assert_null(fixture->log);
}

static void test_big_message(void **state)
{
    struct net_fixture *fixture = *state;
    _cleanup_buf_ struct buf big = {0};
    struct peer *peer;
    int fd = fixture_connect(fixture, fixture_listen(fixture, "punix:s"), &peer);

    buf_puts(&big, "[\"");
    memset(buf_reserve(&big, 3000000), 'x', 3000000);
    big.size += 3000000;
    buf_puts(&big, "\"]");
    client_put(fixture, fd, buf_slice(&big));
    client_put(fixture, fd, SLICE("[2][3"));
    RUN_UNTIL(fixture, peer->n_messages == 2);
    fixture_settle(fixture);
    assert_int_equal(peer->messages.size, big.size + 1 + 4);
    assert_int_equal(peer->connection->input.size, 2);
    assert_true(peer->connection->input.capacity <= NET_READ_SIZE); // its memory is given back
    client_put(fixture, fd, SLICE("]"));
    RUN_UNTIL(fixture, peer->n_messages == 3);
    close(fd);
}

// A request that is too long is read to its end and then answered.
static void test_long_request(void **state)
{
    struct net_fixture *fixture = *state;
    struct net_limits limits = NET_LIMITS_DEFAULT;
    _cleanup_buf_ struct buf request = {0};
    _cleanup_buf_ struct buf answer = {0};
    struct peer *peer;
    int fd;

    limits.max_message = 1000;
    net_set_limits(fixture->net, &limits);
    fd = fixture_connect(fixture, fixture_listen(fixture, "punix:s"), &peer);
    buf_puts(&request, "{\"method\":\"a\",\"params\":[\"");
    memset(buf_reserve(&request, 3000000), 'x', 3000000);
    request.size += 3000000;
    buf_puts(&request, "\"]");
    client_put(fixture, fd, SLICE("[1]"));
    client_put(fixture, fd, buf_slice(&request));
    fixture_settle(fixture);
    assert_int_equal(peer->connection->state, CONNECTION_OPEN);
    assert_null(peer->connection->input.data); // nothing of it is kept
    client_put(fixture, fd, SLICE(",\"id\":7}[2]"));
    RUN_UNTIL(fixture, !client_take(fd, &answer));
    assert_non_null(strstr(buf_cstr(&answer), "\"id\":7"));
    assert_non_null(strstr(buf_cstr(&answer), "1000 bytes"));
    RUN_UNTIL(fixture, peer->n_closed);
    assert_messages(peer, "[1]\n");
    close(fd);
}

static void raise_limit(struct net_fixture *fixture, struct peer *peer, struct slice text)
{
    connection_set_max_message(peer->connection, 10);
}

// A higher limit for one connection holds from the next message on.
static void test_raised_limit(void **state)
{
    struct net_fixture *fixture = *state;
    struct net_limits limits = NET_LIMITS_DEFAULT;
    struct remote *remote;
    struct peer *raised, *other;
    int fds[2];

    limits.max_message = 5;
    net_set_limits(fixture->net, &limits);
    remote = fixture_listen(fixture, "punix:s");
    fds[0] = fixture_connect(fixture, remote, &raised);
    fds[1] = fixture_connect(fixture, remote, &other);
    fixture->on_message = raise_limit;
    client_put(fixture, fds[0], SLICE("[1][1234567]\"12345678\""));
    RUN_UNTIL(fixture, raised->n_messages == 3);
    client_put(fixture, fds[0], SLICE("[123456789]"));
    client_put(fixture, fds[1], SLICE("[1234]"));
    RUN_UNTIL(fixture, raised->n_closed && other->n_closed);
    assert_string_equal(raised->reason, "message 4 is longer than the 10 bytes that are allowed");
    assert_string_equal(other->reason, "message 1 is longer than the 5 bytes that are allowed");
    close(fds[0]);
    close(fds[1]);
}

static void check_rejected(struct net_fixture *fixture, struct remote *remote, struct slice bytes,
                           const char *reason)
{
    struct peer *good, *bad;
    int good_fd = fixture_connect(fixture, remote, &good);
    int bad_fd = fixture_connect(fixture, remote, &bad);
    _cleanup_buf_ struct buf answers = {0};

    client_put(fixture, bad_fd, bytes);
    RUN_UNTIL(fixture, bad->n_closed);
    if (!strstr(bad->reason, reason)) {
        fail_msg("the reason is \"%s\"", bad->reason);
    }
    assert_false(client_take(bad_fd, &answers));
    assert_non_null(strstr(fixture->log, bad->name));
    assert_non_null(strstr(fixture->log, bad->reason));
    client_put(fixture, good_fd, SLICE("[]"));
    RUN_UNTIL(fixture, good->n_messages == 1);
    close(good_fd);
    close(bad_fd);
}

static void test_bad_bytes_close_only_their_connection(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");

    check_rejected(fixture, remote, SLICE("[1][2}"), "offset 2 of message 2");
    check_rejected(fixture, remote, SLICE("hello"), "offset 0 of message 1");
    check_rejected(fixture, remote, SLICE("[\"\xff\"]"), "offset 2 of message 1");
    check_rejected(fixture, remote, SLICE("[\"\\u0000\"]"), "message 1");
}

static void test_answers_before_bad_bytes_still_leave(void **state)
{
    struct net_fixture *fixture = *state;
    struct peer *peer;
    _cleanup_buf_ struct buf answers = {0};
    int fd = fixture_connect(fixture, fixture_listen(fixture, "ptcp:0:127.0.0.1"), &peer);

    fixture->echoes = true;
    client_put(fixture, fd, SLICE("[1][2]} and a lot more that nobody reads"));
    RUN_UNTIL(fixture, !client_take(fd, &answers));
    assert_int_equal(answers.size, 6);
    assert_memory_equal(answers.data, "[1][2]", 6);
    close(fd);
}

static void close_it(struct net_fixture *fixture, struct peer *peer, struct slice text)
{
    if (slice_is(text, "[\"close\"]")) {
        connection_close(peer->connection, "asked to");
        connection_send(peer->connection, SLICE("bye"), POSITION_NONE);
    }
}

static void test_close_from_a_message(void **state)
{
    struct net_fixture *fixture = *state;
    struct peer *peer;
    _cleanup_buf_ struct buf answers = {0};
    int fd = fixture_connect(fixture, fixture_listen(fixture, "punix:s"), &peer);

    fixture->on_message = close_it;
    client_put(fixture, fd, SLICE("[1][\"close\"][2]"));
    RUN_UNTIL(fixture, peer->n_closed);
    assert_messages(peer, "[1]\n[\"close\"]\n");
    assert_string_equal(peer->reason, "asked to");
    assert_false(client_take(fd, &answers));
    assert_int_equal(answers.size, 3);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_split_in_two),
        TEST(test_one_byte_at_a_time),
        TEST(test_batches_are_fair),
        TEST(test_hold),
        TEST(test_taken_messages),
        TEST(test_large_taken_messages),
        TEST(test_requests_before_the_end_are_answered),
        TEST(test_hang_up_with_input_left),
        TEST(test_end_within_a_message),
        TEST(test_big_message),
        TEST(test_long_request),
        TEST(test_raised_limit),
        TEST(test_bad_bytes_close_only_their_connection),
        TEST(test_answers_before_bad_bytes_still_leave),
        TEST(test_close_from_a_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
