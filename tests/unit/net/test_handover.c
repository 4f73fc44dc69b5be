// SPDX-License-Identifier: Apache-2.0
// Connections that are handed over. The other process is represented by another remote of the same
// net.
#include "net/handover.h"

#include "net_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct seen {
    unsigned n;
    struct connection *last;
    char *target;
    int fd;
};

static void see_connection(void *userdata, struct connection *connection)
{
    struct seen *seen = userdata;

    seen->n++;
    seen->last = connection;
}

static void see_listener(void *userdata, const char *target, int fd)
{
    struct seen *seen = userdata;

    seen->n++;
    seen->target = xstrdup(target);
    seen->fd = dup(fd);
}

static unsigned n_portable(struct net_fixture *fixture)
{
    struct seen seen = {0};

    net_visit_portable(fixture->net, see_connection, &seen);
    return seen.n;
}

// An incomplete message and unsent output are handed over too; nothing is lost.
static void test_connections_continue(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *first = fixture_listen(fixture, "punix:a"),
                  *second = fixture_listen(fixture, "punix:b");
    _cleanup_buf_ struct buf output = {0}, received = {0};
    _cleanup_free_ char *input = NULL;
    struct connection *connection;
    struct peer *peer, *again;
    int client, fd;

    client = fixture_connect(fixture, first, &peer);
    client_put(fixture, client, SLICE("[1][2"));
    RUN_UNTIL(fixture, connection_input(peer->connection).size == 2);
    client_put(fixture, client, SLICE("2")); // unread by the net
    connection_send(peer->connection, SLICE("waits"), POSITION_NONE);
    connection_put_output(peer->connection, &output);
    assert_slice_is(buf_slice(&output), "waits");
    input = xstrndup(connection_input(peer->connection).data, 2);
    assert_int_equal(n_portable(fixture), 1);
    fd = dup(connection_fd(peer->connection));
    connection_leave(peer->connection);
    RUN_UNTIL(fixture, peer->n_closed);
    assert_int_equal(n_portable(fixture), 0);

    connection = remote_continue(second, fd, SLICE("unix#41"), slice_of(input), buf_slice(&output));
    assert_non_null(connection);
    assert_string_equal(connection_name(connection), "unix#41");
    again = connection_userdata(connection);
    client_put(fixture, client, SLICE("2][3]"));
    RUN_UNTIL(fixture, again->n_messages == 2);
    assert_messages(again, "[222]\n[3]\n");
    RUN_UNTIL(fixture, client_take(client, &received) && received.size >= output.size);
    assert_slice_is(buf_slice(&received), "waits");
    close(client);
    RUN_UNTIL(fixture, again->n_closed);
    // No other connection gets its number.
    client = fixture_connect(fixture, first, &peer);
    assert_string_equal(connection_name(peer->connection), "unix#42");
    close(client);
    RUN_UNTIL(fixture, peer->n_closed);
}

// A connection with a large backlog is not read from until the client has read.
static void test_backlog(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:a");
    _cleanup_buf_ struct buf output = {0}, received = {0};
    struct connection *connection;
    struct peer *peer;
    int ends[2];

    for (size_t i = 0; i < NET_BACKLOG_HIGH + 1; i++) {
        buf_putc(&output, 'x');
    }
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
                       errno);
    connection = remote_continue(remote, ends[0], SLICE("x"), SLICE("[1]"), buf_slice(&output));
    peer = connection_userdata(connection);
    fixture_settle(fixture);
    assert_int_equal(peer->n_messages, 0);
    RUN_UNTIL(fixture, client_take(ends[1], &received) && received.size == output.size);
    RUN_UNTIL(fixture, peer->n_messages == 1);
    assert_int_equal(peer->n_drained, 1);
    close(ends[1]);
    RUN_UNTIL(fixture, peer->n_closed);
}

// Closing connections, and those with output that waits for a commit log, cannot be handed over.
static void test_not_portable(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:a");
    struct peer *waiting, *closing;
    int a = fixture_connect(fixture, remote, &waiting),
        b = fixture_connect(fixture, remote, &closing);

    assert_int_equal(n_portable(fixture), 2);
    connection_send(waiting->connection, SLICE("x"), fixture_position(fixture, 5));
    connection_close(closing->connection, "test");
    assert_int_equal(n_portable(fixture), 0);
    positions_advance(&fixture->positions, 5);
    assert_int_equal(n_portable(fixture), 1);
    close(a);
    close(b);
    RUN_UNTIL(fixture, !fixture->n_open);
}

// A connector that has a connection does not take another one.
static void test_connector(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote_options options = REMOTE_OPTIONS_DEFAULT;
    struct remote *remote;
    struct remote_status status;
    struct peer *peer;
    char byte;
    int ends[2], others[2];

    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
                       errno);
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, others),
                       errno);
    assert_no_failure(remote_new(fixture->net, "unix:none", &options, fixture, &remote));
    peer = connection_userdata(
        remote_continue(remote, ends[0], SLICE("unix:none"), SLICE_EMPTY, SLICE_EMPTY));
    assert_null(remote_continue(remote, others[0], SLICE("unix:none"), SLICE_EMPTY, SLICE_EMPTY));
    assert_int_equal(recv(others[1], &byte, 1, 0), 0);
    fixture_settle(fixture);
    remote_status(remote, &status);
    assert_string_equal(status.state, "ACTIVE");
    close(ends[1]);
    RUN_UNTIL(fixture, peer->n_closed);
    remote_status(remote, &status);
    assert_string_equal(status.state, "BACKOFF");
    close(others[1]);
}

// The next remote with the same target gets a listening socket; only one remote does.
static void test_listener(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "ptcp:0:127.0.0.1"), *next;
    uint16_t port = remote_bound_port(remote);
    struct seen seen = {0};
    int client;

    fixture_listen(fixture, "punix:a");
    net_visit_listeners(fixture->net, see_listener, &seen);
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.target, "ptcp:0:127.0.0.1");
    client = fixture_dial(remote);
    remote_free(remote);
    net_offer_listener(fixture->net, SLICE("ptcp:1:127.0.0.1"), dup(seen.fd));
    net_offer_listener(fixture->net, slice_of(seen.target), seen.fd);
    next = fixture_listen(fixture, seen.target);
    net_close_offered(fixture->net);
    assert_int_equal(remote_bound_port(next), port);
    assert_int_not_equal(remote_bound_port(fixture_listen(fixture, seen.target)), port);
    close(client);
    free(seen.target);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connections_continue),
        TEST(backlog),
        TEST(not_portable),
        TEST(connector),
        TEST(listener),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
