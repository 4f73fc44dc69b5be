// SPDX-License-Identifier: Apache-2.0
// The write path: order, positions of commit logs, batching, flow control, peers that do not read.
#include "net_fixture.h"

#include <string.h>

static struct net_fixture *start(void **state, struct peer **peer, int *fd)
{
    struct net_fixture *fixture = *state;

    *fd = fixture_connect(fixture, fixture_listen(fixture, "punix:s"), peer);
    return fixture;
}

static void assert_takes(struct net_fixture *fixture, int fd, const char *expected)
{
    _cleanup_buf_ struct buf buf = {0};

    RUN_UNTIL(fixture, client_take(fd, &buf) && buf.size >= strlen(expected));
    fixture_settle(fixture);
    client_take(fd, &buf);
    assert_slice_is(buf_slice(&buf), expected);
}

static void assert_takes_nothing(struct net_fixture *fixture, int fd)
{
    _cleanup_buf_ struct buf buf = {0};

    fixture_settle(fixture);
    assert_true(client_take(fd, &buf));
    assert_int_equal(buf.size, 0);
}

static void test_group_commit_delays_output(void **state)
{
    struct peer *peer;
    int fd;
    struct net_fixture *fixture = start(state, &peer, &fd);
    struct connection *connection = peer->connection;

    connection_send(connection, SLICE("a0"), POSITION_NONE);
    connection_send(connection, SLICE("b5"), fixture_position(fixture, 5));
    connection_send(connection, SLICE("c5"), fixture_position(fixture, 5));
    connection_send(connection, SLICE("d0"), POSITION_NONE); // must not overtake
    connection_send(connection, SLICE("e7"), fixture_position(fixture, 7));
    connection_send(connection, SLICE("f6"), fixture_position(fixture, 6));
    assert_takes(fixture, fd, "a0");
    assert_int_equal(connection_backlog(connection), 10);
    assert_int_equal(net_backlog(fixture->net), 10);
    positions_advance(&fixture->positions, 4);
    assert_takes_nothing(fixture, fd);
    positions_advance(&fixture->positions, 5);
    assert_takes(fixture, fd, "b5c5d0");
    positions_advance(&fixture->positions, 3); // an older one changes nothing
    assert_takes_nothing(fixture, fd);
    positions_advance(&fixture->positions, 6);
    assert_takes_nothing(fixture, fd);
    connection_send(connection, SLICE("g6"), fixture_position(fixture, 6));
    positions_advance(&fixture->positions, 7);
    assert_takes(fixture, fd, "e7f6g6");
    connection_send(connection, SLICE("h7"), fixture_position(fixture, 7));
    assert_takes(fixture, fd, "h7");
    assert_int_equal(net_backlog(fixture->net), 0);
    close(fd);
}

static void test_release_of_many(void **state)
{
    enum { N = 50 };
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");
    struct peer *peers[N];
    int fds[N];

    for (int i = 0; i < N; i++) {
        fds[i] = fixture_connect(fixture, remote, &peers[i]);
        // The positions are in no order, so that marks are inserted at every place of the list.
        connection_send(peers[i]->connection, SLICE("x"),
                        fixture_position(fixture, (uint64_t)(i * 37 % N + 1)));
    }
    for (uint64_t durable = 1; durable <= N; durable++) {
        positions_advance(&fixture->positions, durable);
        fixture_settle(fixture);
        for (int i = 0; i < N; i++) {
            bool is_sent = (uint64_t)(i * 37 % N + 1) <= durable;

            assert_int_equal(connection_backlog(peers[i]->connection), is_sent ? 0 : 1);
        }
    }
    for (int i = 0; i < N; i++) {
        assert_takes(fixture, fds[i], "x");
        close(fds[i]);
    }
}

static void test_marks_go_with_their_connection(void **state)
{
    struct peer *peer, *other;
    int fd;
    struct net_fixture *fixture = start(state, &peer, &fd);
    int other_fd = fixture_connect(fixture, peer->remote, &other);

    connection_send(peer->connection, SLICE("a"), fixture_position(fixture, 1));
    connection_send(other->connection, SLICE("b"), fixture_position(fixture, 1));
    connection_send(peer->connection, SLICE("c"), fixture_position(fixture, 2));
    connection_send(other->connection, SLICE("d"), fixture_position(fixture, 2));
    close(fd);
    RUN_UNTIL(fixture, peer->connection->state == CONNECTION_CLOSING);
    fixture->net->linger_usec = 0;
    connection_die(peer->connection, LOG_LEVEL_DBG, "test");
    RUN_UNTIL(fixture, peer->n_closed);
    positions_advance(&fixture->positions, 2);
    assert_takes(fixture, other_fd, "bd");
    close(other_fd);
}

// Counts the writes.
static size_t n_sends;
static const struct stream_ops *plain_ops;

static ssize_t counting_send(struct stream *stream, const struct iovec *iov, int n)
{
    n_sends++;
    return plain_ops->send(stream, iov, n);
}

static void test_output_of_a_turn_is_one_write(void **state)
{
    struct peer *peer;
    int fd;
    struct net_fixture *fixture = start(state, &peer, &fd);
    struct stream_ops ops = *peer->connection->stream.ops;
    _cleanup_buf_ struct buf requests = {0}, answers = {0};

    plain_ops = peer->connection->stream.ops;
    ops.send = counting_send;
    peer->connection->stream.ops = &ops;
    fixture->echoes = true;
    n_sends = 0;
    for (int i = 0; i < NET_INPUT_BATCH; i++) {
        buf_printf(&requests, "[%d,\"%0100d\"]", i, i);
    }
    client_put(fixture, fd, buf_slice(&requests));
    RUN_UNTIL(fixture, client_take(fd, &answers) && answers.size == requests.size);
    assert_memory_equal(answers.data, requests.data, requests.size);
    assert_int_equal(n_sends, 1);
    peer->connection->stream.ops = plain_ops;
    close(fd);
}

static struct text *long_text(size_t size)
{
    _cleanup_buf_ struct buf buf = {0};

    memset(buf_reserve(&buf, size), 's', size);
    buf.size = size;
    return text_new(buf_slice(&buf));
}

static void test_shared_text_for_many_connections(void **state)
{
    enum { N = 5 };
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");
    struct text *text = long_text(100000);
    struct peer *peers[N];
    int fds[N];

    for (int i = 0; i < N; i++) {
        fds[i] = fixture_connect(fixture, remote, &peers[i]);
    }
    for (int i = 0; i < N; i++) {
        connection_send(peers[i]->connection, SLICE("<"), POSITION_NONE);
        connection_send_shared(peers[i]->connection, text, POSITION_NONE);
        connection_send(peers[i]->connection, SLICE(">"), POSITION_NONE);
    }
    assert_int_equal(text->refs, N + 1);
    for (int i = 0; i < N; i++) {
        _cleanup_buf_ struct buf buf = {0};

        RUN_UNTIL(fixture, client_take(fds[i], &buf) && buf.size == 100002);
        assert_int_equal(buf.data[0], '<');
        assert_memory_equal(buf.data + 1, text->data, 100000);
        assert_int_equal(buf.data[100001], '>');
        close(fds[i]);
    }
    assert_int_equal(text->refs, 1);
    text_unref(text);
}

static void test_drained_once_per_backlog(void **state)
{
    struct peer *peer;
    int fd;
    struct net_fixture *fixture = start(state, &peer, &fd);
    struct text *text = long_text(3000000);
    _cleanup_buf_ struct buf buf = {0};

    connection_send(peer->connection, SLICE("little"), POSITION_NONE);
    fixture_settle(fixture);
    assert_int_equal(peer->n_drained, 0);
    for (unsigned i = 1; i <= 3; i++) {
        connection_send_shared(peer->connection, text, POSITION_NONE);
        fixture_settle(fixture);
        assert_int_equal(peer->n_drained, i - 1); // the kernel does not take that much
        assert_true(connection_backlog(peer->connection) > NET_BACKLOG_LOW);
        buf_clear(&buf);
        RUN_UNTIL(fixture, client_take(fd, &buf) && !connection_backlog(peer->connection));
        assert_int_equal(peer->n_drained, i);
    }
    text_unref(text);
    close(fd);
}

// A client that only sends and never reads is not read from after a while.
static void test_client_that_never_reads(void **state)
{
    struct peer *peer, *other;
    int fd;
    struct net_fixture *fixture = start(state, &peer, &fd);
    int other_fd = fixture_connect(fixture, peer->remote, &other);
    _cleanup_buf_ struct buf request = {0}, answers = {0};
    size_t sent = 0, answered;

    fixture->echoes = true;
    buf_puts(&request, "[\"");
    memset(buf_reserve(&request, 996), 'r', 996);
    request.size += 996;
    buf_puts(&request, "\"]");
    while (!peer->connection->is_paused) {
        client_put(fixture, fd, buf_slice(&request));
        sent++;
    }
    fixture_settle(fixture);
    answered = peer->n_messages;
    assert_true(connection_backlog(peer->connection) <= NET_BACKLOG_HIGH + request.size);
    for (int i = 0; i < 20; i++) {
        client_put(fixture, fd, buf_slice(&request)); // into the kernel's buffers
        sent++;
        fixture_settle(fixture);
    }
    assert_int_equal(peer->n_messages, answered);
    client_put(fixture, other_fd, SLICE("[]"));
    assert_takes(fixture, other_fd, "[]");
    // When it reads, everything is answered.
    RUN_UNTIL(fixture, client_take(fd, &answers) && answers.size == sent * request.size);
    assert_int_equal(peer->n_messages, sent);
    assert_false(peer->connection->is_paused);
    assert_int_equal(peer->n_drained, 1);
    // It stops reading again and closes.
    while (!peer->connection->is_paused) {
        client_put(fixture, fd, buf_slice(&request));
    }
    close(fd);
    RUN_UNTIL(fixture, peer->n_closed);
    assert_int_equal(net_backlog(fixture->net), 0);
    close(other_fd);
}

static int keep_sending(sd_event_source *source, void *userdata)
{
    struct peer *peer = userdata;

    connection_send(peer->connection, SLICE("x"), POSITION_NONE);
    return sd_event_source_set_enabled(source, SD_EVENT_ON);
}

// An event source that is always ready does not delay output for long.
static void test_output_is_not_starved(void **state)
{
    struct peer *peer;
    int fd;
    struct net_fixture *fixture = start(state, &peer, &fd);
    _cleanup_buf_ struct buf buf = {0};
    sd_event_source *source;

    assert_true(sd_event_add_defer(fixture->event, &source, keep_sending, peer) >= 0);
    RUN_UNTIL(fixture, client_take(fd, &buf) && buf.size > 10);
    buf_clear(&buf);
    RUN_UNTIL(fixture, client_take(fd, &buf) && buf.size > 10);
    sd_event_source_disable_unref(source);
    close(fd);
}

// Two commit logs: output waits for the log that it shows only, but never overtakes.
static void test_two_logs(void **state)
{
    struct peer *peer, *other;
    int fd;
    struct net_fixture *fixture = start(state, &peer, &fd);
    int other_fd = fixture_connect(fixture, peer->remote, &other);
    struct positions log;

    positions_init(&log);
    for (int i = 0; i < 3; i++) {
        positions_issue(&log);
    }
    connection_send(peer->connection, SLICE("a"), fixture_position(fixture, 1));
    connection_send(peer->connection, SLICE("b"), (struct position){&log, 1});
    connection_send(peer->connection, SLICE("c"), fixture_position(fixture, 2));
    connection_send(other->connection, SLICE("d"), (struct position){&log, 2});
    connection_send(other->connection, SLICE("e"), (struct position){&log, 3});
    positions_advance(&log, 2);
    assert_takes(fixture, other_fd, "d"); // the other log does not matter
    assert_takes_nothing(fixture, fd);    // "b" is durable, but not first
    positions_advance(&fixture->positions, 1);
    assert_takes(fixture, fd, "ab");
    positions_advance(&fixture->positions, 2);
    assert_takes(fixture, fd, "c");
    positions_advance(&log, 3);
    assert_takes(fixture, other_fd, "e");
    positions_done(&log);
    close(fd);
    close(other_fd);
}

static size_t n_marks(const struct connection *connection)
{
    const struct list *node;
    size_t n = 0;

    for (node = connection->marks.next; node != &connection->marks; node = node->next) {
        n++;
    }
    return n;
}

// Messages that show the same positions share marks, also if the logs alternate.
static void test_marks_are_shared(void **state)
{
    enum { LOGS = 3 };
    struct peer *peer;
    int fd;
    struct net_fixture *fixture = start(state, &peer, &fd);
    struct positions logs[LOGS];

    for (int i = 0; i < LOGS; i++) {
        positions_init(&logs[i]);
        positions_issue(&logs[i]);
    }
    for (int i = 0; i < 300; i++) {
        connection_send(peer->connection, SLICE("x"), positions_last(&logs[i % LOGS]));
    }
    assert_int_equal(n_marks(peer->connection), LOGS);
    for (int i = LOGS - 1; i >= 0; i--) {
        assert_int_equal(output_sendable(peer->connection), 0);
        positions_advance(&logs[i], 1);
    }
    assert_int_equal(output_sendable(peer->connection), 300);
    close(fd);
    RUN_UNTIL(fixture, peer->n_closed);
}

// Connections that wait for a lost position end; the others do not notice.
static void test_loss(void **state)
{
    struct peer *peer, *other;
    int fd;
    struct net_fixture *fixture = start(state, &peer, &fd);
    int other_fd = fixture_connect(fixture, peer->remote, &other);
    _cleanup_buf_ struct buf buf = {0};
    struct positions log;

    positions_init(&log);
    positions_issue(&log);
    connection_send(peer->connection, SLICE("a"), fixture_position(fixture, 1));
    connection_send(peer->connection, SLICE("b"), positions_last(&log));
    connection_send(peer->connection, SLICE("c"), fixture_position(fixture, 2));
    connection_send(other->connection, SLICE("d"), fixture_position(fixture, 2));
    positions_lose(&log);
    positions_done(&log);
    RUN_UNTIL(fixture, peer->n_closed);
    assert_string_equal(peer->reason, "its output depends on a failed write");
    assert_false(client_take(fd, &buf));
    assert_int_equal(buf.size, 0);
    connection_send(other->connection, SLICE("e"), positions_last(&log)); // settled
    assert_takes_nothing(fixture, other_fd);
    positions_advance(&fixture->positions, 2);
    assert_takes(fixture, other_fd, "de");
    close(fd);
    close(other_fd);
}

static void test_close_sends_what_is_queued(void **state)
{
    struct peer *peer;
    int fd;
    struct net_fixture *fixture = start(state, &peer, &fd);
    struct text *text = long_text(2000000);
    _cleanup_buf_ struct buf buf = {0};

    connection_send_shared(peer->connection, text, fixture_position(fixture, 3));
    connection_close(peer->connection, "done");
    connection_close(peer->connection, "done twice");
    connection_send(peer->connection, SLICE("last"), POSITION_NONE);
    fixture_settle(fixture);
    assert_int_equal(peer->n_closed, 0);
    positions_advance(&fixture->positions, 3);
    RUN_UNTIL(fixture, !client_take(fd, &buf));
    assert_int_equal(buf.size, 2000004);
    RUN_UNTIL(fixture, peer->n_closed);
    assert_string_equal(peer->reason, "done");
    text_unref(text);
    close(fd);
}

static void test_close_does_not_wait_for_ever(void **state)
{
    struct peer *peer;
    int fd;
    struct net_fixture *fixture = start(state, &peer, &fd);
    struct text *text = long_text(2000000);

    fixture->net->linger_usec = 20 * USEC_PER_MSEC;
    connection_send_shared(peer->connection, text, POSITION_NONE);
    connection_close(peer->connection, "done");
    RUN_UNTIL(fixture, peer->n_closed);
    assert_int_equal(text->refs, 1);
    text_unref(text);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_group_commit_delays_output),
        TEST(test_release_of_many),
        TEST(test_marks_go_with_their_connection),
        TEST(test_output_of_a_turn_is_one_write),
        TEST(test_shared_text_for_many_connections),
        TEST(test_drained_once_per_backlog),
        TEST(test_client_that_never_reads),
        TEST(test_output_is_not_starved),
        TEST(test_two_logs),
        TEST(test_marks_are_shared),
        TEST(test_loss),
        TEST(test_close_sends_what_is_queued),
        TEST(test_close_does_not_wait_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
