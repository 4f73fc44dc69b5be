// SPDX-License-Identifier: Apache-2.0
// Inactivity probes: the decisions with invented times, and connections with short intervals.
#include "net_fixture.h"

#include <string.h>

#define PROBE "{\"id\":\"echo\",\"method\":\"echo\",\"params\":[]}"

static const struct remote_options quick = {.probe_interval_ms = 30, .dscp = -1};

static void test_decisions(void **state)
{
    struct probe probe = {0};

    probe_set_interval(&probe, 10);
    probe_alive(&probe, 100);
    assert_int_equal(probe_deadline(&probe), 110);
    assert_int_equal(probe_step(&probe, 109), PROBE_WAIT);
    assert_int_equal(probe_step(&probe, 110), PROBE_SEND);
    assert_int_equal(probe_deadline(&probe), 120); // of the reply
    assert_int_equal(probe_step(&probe, 119), PROBE_WAIT);
    probe_alive(&probe, 119); // any input counts as one
    assert_int_equal(probe_step(&probe, 120), PROBE_WAIT);
    assert_int_equal(probe_step(&probe, 129), PROBE_SEND);
    assert_int_equal(probe_step(&probe, 139), PROBE_EXPIRED);
    assert_int_equal(probe_step(&probe, 139), PROBE_EXPIRED); // the caller decides what follows
    probe_set_interval(&probe, 0);
    assert_int_equal(probe.sent, 0);
}

static unsigned count_probes(const struct buf *buf)
{
    assert_int_equal(buf->size % strlen(PROBE), 0);
    for (size_t at = 0; at < buf->size; at += strlen(PROBE)) {
        assert_memory_equal(buf->data + at, PROBE, strlen(PROBE));
    }
    return (unsigned)(buf->size / strlen(PROBE));
}

static void test_silence_ends_the_connection(void **state)
{
    struct net_fixture *fixture = *state;
    struct peer *peer;
    _cleanup_buf_ struct buf buf = {0};
    int fd = fixture_connect(fixture, fixture_listen_with(fixture, "punix:s", &quick), &peer);

    RUN_UNTIL(fixture, peer->n_closed);
    assert_false(client_take(fd, &buf));
    assert_int_equal(count_probes(&buf), 1);
    assert_string_equal(peer->reason, "no response to the inactivity probe after 0.03 seconds");
    assert_non_null(strstr(fixture->log, "unix#0: no response to the inactivity probe"));
    close(fd);
}

static void test_replies_keep_it_and_are_not_messages(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen_with(fixture, "punix:s", &quick);
    struct peer *peer;
    struct remote_status status;
    _cleanup_buf_ struct buf buf = {0};
    int fd = fixture_connect(fixture, remote, &peer);

    for (unsigned i = 1; i <= 5; i++) {
        RUN_UNTIL(fixture, client_take(fd, &buf) && buf.size);
        assert_int_equal(count_probes(&buf), 1);
        buf_clear(&buf);
        client_put(fixture, fd,
                   i % 2 ? SLICE("{\"id\":\"echo\",\"result\":[],\"error\":null}")
                         : SLICE("\n{\"error\":\"no\",\"id\":\"echo\",\"result\":null}"));
        RUN_UNTIL(fixture, !peer->connection->probe.sent);
    }
    assert_int_equal(peer->n_messages, 0);
    remote_status(remote, &status);
    assert_string_equal(status.state, "ACTIVE");
    close(fd);
}

// Other messages are delivered, even if they resemble probes or replies.
static void test_only_replies_to_probes_are_kept(void **state)
{
    struct net_fixture *fixture = *state;
    struct peer *peer;
    int fd = fixture_connect(fixture, fixture_listen(fixture, "punix:s"), &peer);

    client_put(fixture, fd, SLICE(PROBE));
    client_put(fixture, fd, SLICE("{\"id\":\"echo2\",\"result\":[],\"error\":null}"));
    client_put(fixture, fd, SLICE("{\"id\":1,\"result\":\"echo\",\"error\":null}"));
    client_put(fixture, fd, SLICE("{\"id\":\"echo\"}"));
    client_put(fixture, fd, SLICE("{\"id\":\"echo\",\"result\":[],\"error\":null}"));
    client_put(fixture, fd, SLICE("\"echo\""));
    RUN_UNTIL(fixture, peer->n_messages == 5);
    fixture_settle(fixture);
    assert_int_equal(peer->n_messages, 5);
    close(fd);
}

// Every byte of a message is a sign of life.
static void test_any_byte_counts(void **state)
{
    struct net_fixture *fixture = *state;
    struct peer *peer;
    int fd = fixture_connect(fixture, fixture_listen(fixture, "punix:s"), &peer);

    client_put(fixture, fd, SLICE("["));
    for (int i = 0; i < 3; i++) {
        peer->connection->probe.last_sign = 1;
        peer->connection->probe.sent = 1;
        client_put(fixture, fd, SLICE(" "));
        RUN_UNTIL(fixture, peer->connection->probe.last_sign > 1);
        assert_int_equal(peer->connection->probe.sent, 0);
    }
    assert_int_equal(peer->n_messages, 0);
    client_put(fixture, fd, SLICE("]"));
    RUN_UNTIL(fixture, peer->n_messages == 1);
    close(fd);
}

// Input that has arrived counts, even if the loop was too busy to receive it before the probe
// expired.
static void test_busy_loop_finds_input(void **state)
{
    struct net_fixture *fixture = *state;
    struct peer *peer;
    _cleanup_buf_ struct buf buf = {0};
    int fd = fixture_connect(fixture, fixture_listen_with(fixture, "punix:s", &quick), &peer);

    for (int i = 0; i < 10; i++) {
        RUN_UNTIL(fixture, client_take(fd, &buf) && buf.size);
        buf_clear(&buf);
        client_put(fixture, fd, SLICE("{\"id\":\"echo\",\"result\":[],\"error\":null}"));
        peer->connection->probe.last_sign = 1; // as if the loop had not run since then
        peer->connection->probe.sent = 1;
        net_set_timer(fixture->net, &peer->connection->timer, 2);
    }
    fixture_settle(fixture);
    assert_int_equal(peer->n_closed, 0);
    close(fd);
}

// A paused peer that reads slowly is alive; one that reads nothing is lost.
static void test_paused_peer(void **state)
{
    struct net_fixture *fixture = *state;
    struct peer *peer;
    struct text *text;
    _cleanup_buf_ struct buf buf = {0};
    struct remote *remote = fixture_listen(fixture, "punix:s");
    int fd = fixture_connect(fixture, remote, &peer);

    memset(buf_reserve(&buf, NET_BACKLOG_HIGH * 2), ' ', NET_BACKLOG_HIGH * 2);
    text = text_new((struct slice){buf.data, NET_BACKLOG_HIGH * 2});
    connection_send_shared(peer->connection, text, POSITION_NONE);
    text_unref(text);
    assert_true(peer->connection->is_paused);
    RUN_UNTIL(fixture, peer->connection->is_blocked);
    for (int i = 0; i < 10; i++) {
        peer->connection->probe.last_sign = 1;
        RUN_UNTIL(fixture, recv(fd, buf_reserve(&buf, 200000), 200000, MSG_DONTWAIT) != 0 &&
                               peer->connection->probe.last_sign > 1);
        if (connection_backlog(peer->connection) < NET_BACKLOG_HIGH) {
            connection_send(peer->connection, (struct slice){buf.data, NET_BACKLOG_HIGH},
                            POSITION_NONE);
        }
    }
    assert_true(peer->connection->is_paused);
    remote_set_options(remote, &quick);
    RUN_UNTIL(fixture, peer->n_closed);
    assert_string_equal(peer->reason, "no response to the inactivity probe after 0.03 seconds");
    close(fd);
}

// A peer is not lost while the probe waits behind output that a slow disk delays.
static void test_waiting_output(void **state)
{
    struct net_fixture *fixture = *state;
    struct peer *peer;
    _cleanup_buf_ struct buf buf = {0};
    int fd = fixture_connect(fixture, fixture_listen_with(fixture, "punix:s", &quick), &peer);

    connection_send(peer->connection, SLICE("[0]"), POSITION_NONE);
    connection_send(peer->connection, SLICE("[1]"), fixture_position(fixture, 1));
    for (int i = 0; i < 3; i++) {
        usec_t last = peer->connection->probe.last_sign;

        RUN_UNTIL(fixture, peer->n_closed || peer->connection->probe.last_sign > last);
        assert_int_equal(peer->n_closed, 0);
    }
    peer->connection->probe.sent = 1; // as if it had waited for long
    positions_advance(&fixture->positions, 1);
    assert_true(peer->connection->probe.sent > 1); // the peer has a whole interval to answer
    RUN_UNTIL(fixture, client_take(fd, &buf) && buf.size > strlen("[0][1]"));
    assert_slice_is(buf_slice(&buf), "[0][1]" PROBE_REQUEST); // not one for each interval
    RUN_UNTIL(fixture, peer->n_closed); // a probe that was sent and is not answered
    close(fd);
}

static void test_interval_of_open_connections_changes(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");
    struct remote_options options = REMOTE_OPTIONS_DEFAULT;
    struct peer *peer, *tcp_peer;
    _cleanup_buf_ struct buf buf = {0};
    int fd = fixture_connect(fixture, remote, &peer);
    int tcp_fd = fixture_connect(fixture, fixture_listen(fixture, "ptcp:0:127.0.0.1"), &tcp_peer);

    assert_int_equal(peer->connection->probe.interval, 0); // the defaults
    assert_int_equal(peer->connection->timer.position, 0);
    assert_int_equal(tcp_peer->connection->probe.interval, 5 * USEC_PER_SEC);
    assert_int_not_equal(tcp_peer->connection->timer.position, 0);
    options.probe_interval_ms = 10;
    remote_set_options(remote, &options);
    RUN_UNTIL(fixture, client_take(fd, &buf) && buf.size);
    options.probe_interval_ms = 0;
    remote_set_options(remote, &options);
    assert_int_equal(peer->connection->timer.position, 0);
    assert_int_equal(peer->n_closed, 0);
    options.probe_interval_ms = UINT64_MAX - 1; // must not overflow
    remote_set_options(remote, &options);
    fixture_settle(fixture);
    assert_int_equal(peer->n_closed, 0);
    close(fd);
    close(tcp_fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decisions),
        TEST(test_silence_ends_the_connection),
        TEST(test_replies_keep_it_and_are_not_messages),
        TEST(test_only_replies_to_probes_are_kept),
        TEST(test_any_byte_counts),
        TEST(test_busy_loop_finds_input),
        TEST(test_paused_peer),
        TEST(test_waiting_output),
        TEST(test_interval_of_open_connections_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
