// SPDX-License-Identifier: Apache-2.0
// The connections between servers of a cluster: messages, restarts, members that come and go.
#include "peers_fixture.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_three(void **state)
{
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;
    struct peer_state peer;
    size_t position = 0;

    for (int i = 0; i < 3; i++) {
        node_start(fixture, &nodes[i]);
    }
    assert_false(send_kind(&nodes[0], &nodes[1], WIRE_LEAVE)); // not connected yet
    RUN_UNTIL(fixture,
              nodes[0].n_connected == 2 && nodes[1].n_connected == 2 && nodes[2].n_connected == 2);
    assert_true(send_kind(&nodes[0], &nodes[2], WIRE_LEAVE));
    assert_true(peers_backlog(nodes[0].peers, nodes[2].id) > 0);
    RUN_UNTIL(fixture, nodes[2].n_received == 1);
    assert_true(uuid_equals(nodes[2].last_from, nodes[0].id));
    assert_int_equal(nodes[2].last_kind, WIRE_LEAVE);
    assert_int_equal(peers_backlog(nodes[0].peers, nodes[2].id), 0);
    assert_int_equal(nodes[1].n_received, 0);
    assert_false(send_kind(&nodes[0], &nodes[3], WIRE_LEAVE));
    assert_int_equal(nodes[0].n_introduced, 0); // dialed with a known id
    assert_true(peers_next(nodes[2].peers, &position, &peer));
    assert_true(uuid_equals(peer.id, nodes[0].id));
    assert_string_equal(peer.address, nodes[0].address);
    assert_true(peer.is_outgoing_connected && peer.is_incoming_connected);
    assert_true(peer.last_received > 0);
    assert_null(peer.failure);
    assert_true(peers_next(nodes[2].peers, &position, &peer));
    assert_int_equal(peer.last_received, 0);
    assert_true(peers_next(nodes[2].peers, &position, &peer));
    assert_true(uuid_equals(peer.id, nodes[3].id));
    assert_false(peer.is_outgoing_connected || peer.is_incoming_connected);
    assert_string_equal(peer.failure, "Connection refused");
    assert_false(peers_next(nodes[2].peers, &position, &peer));
}

static void test_ipv6(void **state)
{
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;

    servers_done(&fixture->servers);
    for (int i = 0; i < 2; i++) {
        free(nodes[i].address);
        nodes[i].address = free_address("tcp:[::1]:PORT", AF_INET6);
        servers_add(&fixture->servers, nodes[i].id, nodes[i].address);
    }
    node_start(fixture, &nodes[0]);
    node_start(fixture, &nodes[1]);
    RUN_UNTIL(fixture, nodes[0].n_connected && nodes[1].n_connected);
}

static void test_bad_local_address(void **state)
{
    static const char *const addresses[] = {"ptcp:6644:127.0.0.1", "unix:/tmp/x", "tcp:localhost:1",
                                            "tcp:127.0.0.1:0", "6644"};
    struct fixture *fixture = *state;
    struct node *node = &fixture->nodes[0];

    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        struct peers_settings settings = node_settings(node);

        settings.local_address = addresses[i];
        node_start_as(fixture, node, &settings);
        assert_failure(peers_listen(node->peers), EINVAL, addresses[i]);
        node_stop(node);
    }
}

// The address is in use first; then the second attempt succeeds.
static void test_listen_again(void **state)
{
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;
    struct peers_settings settings = node_settings(&nodes[1]);

    node_start(fixture, &nodes[0]);
    settings.local_address = nodes[0].address;
    node_start_as(fixture, &nodes[1], &settings);
    assert_failure(peers_listen(nodes[1].peers), EADDRINUSE, nodes[0].address + 4 + 10);
    node_stop(&nodes[0]);
    assert_no_failure(peers_listen(nodes[1].peers));
    assert_no_failure(peers_listen(nodes[1].peers)); // does nothing
}

// Each server notices the restart of the other, and dials it again.
static void test_restart(void **state)
{
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;

    node_start(fixture, &nodes[0]);
    node_start(fixture, &nodes[1]);
    RUN_UNTIL(fixture, is_connected(&nodes[0], &nodes[1]) && is_connected(&nodes[1], &nodes[0]));
    for (unsigned round = 1; round <= 3; round++) {
        node_stop(&nodes[1]);
        RUN_UNTIL(fixture, nodes[0].n_disconnected == round);
        assert_false(send_kind(&nodes[0], &nodes[1], WIRE_LEAVE));
        node_start(fixture, &nodes[1]);
        RUN_UNTIL(fixture, nodes[0].n_connected == round + 1 && is_connected(&nodes[1], &nodes[0]));
    }
    assert_true(peers_n_disconnections(nodes[0].peers) >= 6); // both directions
    assert_int_equal(peers_n_disconnections(nodes[1].peers), 0);
}

static void test_order(void **state)
{
    enum { N = 10000 };
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;

    node_start(fixture, &nodes[0]);
    node_start(fixture, &nodes[1]);
    RUN_UNTIL(fixture, is_connected(&nodes[0], &nodes[1]));
    for (uint64_t i = 0; i < N; i++) { // a burst in one turn of the loop is not dropped
        assert_true(send_part(&nodes[0], &nodes[1], i, SLICE("[\"\xc3\xa9\\\"\"]")));
    }
    assert_true(peers_backlog(nodes[0].peers, nodes[1].id) > NET_BACKLOG_LOW);
    RUN_UNTIL(fixture, nodes[1].next_offset == N);
    assert_int_equal(nodes[0].n_drained, 1);
    assert_true(send_part(&nodes[0], &nodes[1], N, SLICE("x")));
    RUN_UNTIL(fixture, nodes[1].next_offset == N + 1);
    assert_int_equal(nodes[0].n_drained, 1);
}

// The receiver does not run: the messages stay queued until a limit is reached.
static void test_limits(void **state)
{
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;
    int listener = node_imitate(&nodes[1]);
    _cleanup_buf_ struct buf data = {0}, hello = {0};
    struct wire_message message = {.kind = WIRE_HELLO};
    uint64_t n = 0;
    int fd = -1;

    node_start(fixture, &nodes[0]);
    RUN_UNTIL(fixture, (fd = accept(listener, NULL, NULL)) >= 0);
    message.hello =
        (struct wire_hello){WIRE_VERSION, "db", fixture_cluster, nodes[1].id, "tcp:[::1]:1"};
    wire_put(&hello, &message);
    assert_int_equal(send(fd, hello.data, hello.size, 0), hello.size);
    RUN_UNTIL(fixture, is_connected(&nodes[0], &nodes[1]));
    for (int i = 0; i < 100000; i++) {
        buf_puts(&data, "0123456789");
    }
    peers_set_backlog_limits(nodes[0].peers, 10, UINT64_MAX);
    while (send_part(&nodes[0], &nodes[1], n++, buf_slice(&data))) {
        assert_true(n < 1000);
        assert_true(sd_event_run(fixture->event, 0) >= 0);
    }
    assert_true(n > 10 && peers_backlog(nodes[0].peers, nodes[1].id) > 10 * data.size);
    assert_true(is_connected(&nodes[0], &nodes[1]));
    peers_set_backlog_limits(nodes[0].peers, UINT64_MAX,
                             peers_backlog(nodes[0].peers, nodes[1].id));
    assert_true(send_part(&nodes[0], &nodes[1], n++, buf_slice(&data)));
    assert_false(send_part(&nodes[0], &nodes[1], n++, SLICE("x")));
    close(fd);
    close(listener);
}

// Messages may be longer than the first one of a connection, in both directions.
static void check_long(struct fixture *fixture, const struct node *from, struct node *to)
{
    _cleanup_buf_ struct buf data = {0};
    unsigned n = to->n_received;

    while (data.size < 200000) {
        buf_puts(&data, "0123456789");
    }
    assert_true(send_part(from, to, to->next_offset, buf_slice(&data)));
    RUN_UNTIL(fixture, to->n_received == n + 1);
}

// A server that knows addresses only is introduced, accepted and answered; then it is a member.
static void test_join(void **state)
{
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;
    struct peers_settings settings = node_settings(&nodes[3]);
    const char *const addresses[] = {nodes[0].address, nodes[3].address, nodes[1].address};
    struct servers two = {0};

    servers_add(&two, nodes[0].id, nodes[0].address);
    servers_add(&two, nodes[1].id, nodes[1].address);
    for (int i = 0; i < 2; i++) {
        node_start(fixture, &nodes[i]);
        peers_set_servers(nodes[i].peers, &two);
    }
    settings.cluster_id = UUID_ZERO;
    node_start_as(fixture, &nodes[3], &settings);
    assert_no_failure(peers_listen(nodes[3].peers));
    peers_dial(nodes[3].peers, addresses, 3);
    RUN_UNTIL(fixture, fixture_logged(fixture, "is not a member of the cluster") == 4);
    assert_int_equal(nodes[3].n_introduced, 0);
    peers_set_accepts_others(nodes[0].peers, true);
    RUN_UNTIL(fixture, nodes[3].n_introduced == 1 && nodes[3].n_connected == 1);
    assert_true(uuid_equals(nodes[3].introduced_id, nodes[0].id));
    assert_true(uuid_equals(nodes[3].introduced_cluster, fixture_cluster));
    peers_set_cluster_id(nodes[3].peers, fixture_cluster);
    assert_true(send_kind(&nodes[3], &nodes[0], WIRE_JOIN));
    RUN_UNTIL(fixture, nodes[0].n_received == 1);
    assert_true(uuid_equals(nodes[0].last_from, nodes[3].id));
    assert_true(send_part(&nodes[0], &nodes[3], 0, SLICE("a")));
    RUN_UNTIL(fixture, nodes[3].next_offset == 1);
    check_long(fixture, &nodes[0], &nodes[3]);
    check_long(fixture, &nodes[3], &nodes[0]);
    assert_true(uuid_equals(nodes[3].last_from, nodes[0].id));
    for (int i = 0; i < 4; i++) {
        nodes[i].n_connected = 0;
    }
    peers_set_servers(nodes[0].peers, &fixture->servers);
    peers_set_servers(nodes[1].peers, &fixture->servers);
    assert_true(is_connected(&nodes[0], &nodes[3])); // as before, until it is dialed
    RUN_UNTIL(fixture, nodes[0].n_connected == 1 && nodes[1].n_connected == 1);
    assert_true(send_part(&nodes[0], &nodes[3], 2, SLICE("b")));
    RUN_UNTIL(fixture, nodes[3].next_offset == 3);
    peers_set_servers(nodes[3].peers, &fixture->servers);
    RUN_UNTIL(fixture, is_connected(&nodes[3], &nodes[1]));
    assert_int_equal(nodes[0].n_disconnected + nodes[3].n_disconnected, 0);
    servers_done(&two);
}

static void test_removal(void **state)
{
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;
    struct servers two = {0};

    servers_add(&two, nodes[0].id, nodes[0].address);
    servers_add(&two, nodes[1].id, nodes[1].address);
    for (int i = 0; i < 3; i++) {
        node_start(fixture, &nodes[i]);
    }
    RUN_UNTIL(fixture,
              nodes[0].n_connected == 2 && nodes[1].n_connected == 2 && nodes[2].n_connected == 2);
    assert_true(send_kind(&nodes[0], &nodes[2], WIRE_LEAVE)); // arrives
    peers_set_servers(nodes[0].peers, &two);
    assert_false(is_connected(&nodes[0], &nodes[2]));
    assert_true(is_connected(&nodes[0], &nodes[1]));
    RUN_UNTIL(fixture, nodes[2].n_received == 1 && nodes[0].n_disconnected == 1 &&
                           nodes[2].n_disconnected == 1);
    RUN_UNTIL(fixture, fixture_logged(fixture, "is not a member of the cluster") == 2);
    assert_int_equal(nodes[1].n_disconnected, 0);
    servers_done(&two);
}

// A member whose address has changed is dialed there.
static void test_new_address(void **state)
{
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;
    struct servers moved = {0};

    node_start(fixture, &nodes[0]);
    node_start(fixture, &nodes[1]);
    RUN_UNTIL(fixture, is_connected(&nodes[0], &nodes[1]));
    node_stop(&nodes[1]);
    free(nodes[1].address);
    nodes[1].address = free_address("tcp:127.0.0.1:PORT", AF_INET);
    servers_add(&moved, nodes[0].id, nodes[0].address);
    servers_add(&moved, nodes[1].id, nodes[1].address);
    node_start(fixture, &nodes[1]);
    peers_set_servers(nodes[0].peers, &moved);
    RUN_UNTIL(fixture, nodes[0].n_connected == 2);
    servers_done(&moved);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, peers_setup, peers_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(three),        TEST(ipv6),    TEST(bad_local_address),
        TEST(listen_again), TEST(restart), TEST(order),
        TEST(limits),       TEST(join),    TEST(removal),
        TEST(new_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
