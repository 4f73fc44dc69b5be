// SPDX-License-Identifier: Apache-2.0
// Remotes: adopted sockets, status, removal.
#include "net_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>

static struct remote *adopt(struct net_fixture *fixture, int fd)
{
    struct remote *remote = NULL;

    assert_no_failure(
        remote_new_from_fd(fixture->net, fd, &REMOTE_OPTIONS_DEFAULT, fixture, &remote));
    return remote;
}

static void test_passed_unix_listener(void **state)
{
    struct net_fixture *fixture = *state;
    struct endpoint endpoint;
    struct remote *remote;
    struct peer *peer;
    _cleanup_free_ char *path = fixture_path(fixture, "passed");
    _cleanup_free_ char *target = xasprintf("punix:%s", path);
    int folder_fd, client;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0); // blocking, not close-on-exec: as it may come

    assert_int_equal(address_unix_endpoint(path, &endpoint, &folder_fd), 0);
    assert_int_equal(bind(fd, &endpoint.sa, endpoint.size), 0);
    assert_int_equal(listen(fd, 5), 0);
    client = socket(AF_UNIX, SOCK_STREAM, 0); // connects before it is adopted
    assert_int_equal(connect(client, &endpoint.sa, endpoint.size), 0);
    client_put(fixture, client, SLICE("[1]"));
    remote = adopt(fixture, fd);
    assert_string_equal(remote_target(remote), target);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    RUN_UNTIL(fixture, fixture->n_peers == 1 && fixture->peers[0]->n_messages == 1);
    peer = fixture->peers[0];
    assert_string_equal(peer->name, "unix#0");
    remote_free(remote);
    RUN_UNTIL(fixture, peer->n_closed);
    assert_int_equal(access(path, F_OK), 0); // the service manager's, not ours
    close(client);
}

static void test_passed_tcp_listener(void **state)
{
    struct net_fixture *fixture = *state;
    struct endpoint endpoint = {.size = sizeof(endpoint.in)};
    struct remote *remote;
    struct peer *peer;
    _cleanup_free_ char *target = NULL;
    int client;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    endpoint.in.sin_family = AF_INET;
    endpoint.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, &endpoint.sa, endpoint.size), 0);
    assert_int_equal(listen(fd, 5), 0);
    remote = adopt(fixture, fd);
    target = xasprintf("ptcp:%u:127.0.0.1", remote_bound_port(remote));
    assert_string_equal(remote_target(remote), target);
    client = fixture_connect(fixture, remote, &peer);
    assert_memory_equal(peer->name, "tcp:127.0.0.1:", 14);
    assert_int_equal(peer->connection->probe.interval, 5 * USEC_PER_SEC);
    close(client);
}

static void test_passed_connection(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote;
    struct remote_status status;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    remote = adopt(fixture, pair[0]);
    assert_string_equal(remote_target(remote), "unix:");
    assert_int_equal(fixture->n_peers, 0); // not before the loop runs
    client_put(fixture, pair[1], SLICE("[1]"));
    RUN_UNTIL(fixture, fixture->n_peers == 1 && fixture->peers[0]->n_messages == 1);
    remote_status(remote, &status);
    assert_string_equal(status.state, "ACTIVE");
    close(pair[1]);
    RUN_UNTIL(fixture, fixture->peers[0]->n_closed);
    remote_status(remote, &status);
    assert_string_equal(status.state, "VOID");
    assert_false(status.is_connected);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    remote_free(adopt(fixture, pair[0])); // before it was opened
    fixture_settle(fixture);
    assert_int_equal(fixture->n_peers, 1);
    close(pair[1]);
}

static void assert_not_adopted(struct net_fixture *fixture, int fd)
{
    struct remote *remote;

    assert_failure(remote_new_from_fd(fixture->net, fd, &REMOTE_OPTIONS_DEFAULT, fixture, &remote),
                   0, "not a stream socket");
}

static void test_wrong_descriptors(void **state)
{
    struct net_fixture *fixture = *state;
    int datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
    int unconnected = socket(AF_UNIX, SOCK_STREAM, 0);
    int file = open("/dev/null", O_RDONLY);
    int pipe_fds[2];

    assert_int_equal(pipe(pipe_fds), 0);
    assert_not_adopted(fixture, datagram);
    assert_not_adopted(fixture, unconnected);
    assert_not_adopted(fixture, file);
    assert_not_adopted(fixture, pipe_fds[0]);
    assert_not_adopted(fixture, -1);
    assert_int_equal(close(datagram) | close(unconnected) | close(file), 0); // still the caller's
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void test_targets(void **state)
{
    assert_true(remote_target_is_valid("punix:x"));
    assert_true(remote_target_is_valid("ssl:host:1"));
    assert_false(remote_target_is_valid("db:a,b,c"));
    assert_false(remote_target_is_valid("tcp:::1"));
}

// Answers that are queued when a remote is removed are still sent.
static void test_removal_answers_first(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");
    struct remote_status status;
    struct peer *peer;
    _cleanup_buf_ struct buf buf = {0};
    int fd = fixture_connect(fixture, remote, &peer);

    remote_status(remote, &status);
    assert_int_equal(status.n_connections, 1);
    assert_true(status.is_connected);
    connection_send(peer->connection, SLICE("[1]"), POSITION_NONE);
    remote_free(remote);
    connection_send(peer->connection, SLICE("[2]"), POSITION_NONE);
    assert_int_equal(peer->n_closed, 0);
    RUN_UNTIL(fixture, !client_take(fd, &buf));
    assert_slice_is(buf_slice(&buf), "[1][2]");
    RUN_UNTIL(fixture, peer->n_closed);
    assert_true(list_is_empty(&fixture->net->dead_remotes));
    close(fd);
}

static void free_its_remote(struct net_fixture *fixture, struct peer *peer)
{
    remote_free(peer->remote);
    remote_free(peer->remote); // once more does no harm
}

static void free_on_message(struct net_fixture *fixture, struct peer *peer, struct slice text)
{
    free_its_remote(fixture, peer);
    assert_true(slice_is(text, "[1]")); // its bytes are still there
}

static void check_freed(struct net_fixture *fixture)
{
    RUN_UNTIL(fixture, fixture->n_open == 0 && list_is_empty(&fixture->net->dead_remotes) &&
                           list_is_empty(&fixture->net->remotes));
}

static void test_removed_by_its_callbacks(void **state)
{
    struct net_fixture *fixture = *state;
    struct peer *peer;
    int fd;

    fixture->on_opened = free_its_remote; // during a batch of accepts
    {
        struct remote *remote = fixture_listen(fixture, "punix:s");
        int fds[3] = {fixture_dial(remote), fixture_dial(remote), fixture_dial(remote)};

        RUN_UNTIL(fixture, fixture->n_peers);
        check_freed(fixture);
        assert_int_equal(fixture->n_peers, 1);
        close(fds[0]);
        close(fds[1]);
        close(fds[2]);
    }
    fixture->on_opened = NULL;
    fixture->on_message = free_on_message;
    fd = fixture_connect(fixture, fixture_listen(fixture, "punix:s"), &peer);
    client_put(fixture, fd, SLICE("[1][2]"));
    check_freed(fixture);
    assert_int_equal(peer->n_messages, 1);
    close(fd);
    fixture->on_message = NULL;
    fixture->on_closed = free_its_remote;
    fd = fixture_connect(fixture, fixture_listen(fixture, "punix:s"), &peer);
    close(fd);
    RUN_UNTIL(fixture, peer->n_closed);
    check_freed(fixture);
    // A connector is freed in the closed() call of its own connection.
    fixture->on_closed = NULL;
    {
        struct remote *listener = fixture_listen(fixture, "punix:s");

        fixture_listen(fixture, "unix:s");
        RUN_UNTIL(fixture, fixture->n_open == 2);
        fixture->on_closed = free_its_remote;
        connection_close(LIST_FIRST(&listener->connections, struct connection, in_remote), "test");
        check_freed(fixture);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_passed_unix_listener),
        TEST(test_passed_tcp_listener),
        TEST(test_passed_connection),
        TEST(test_wrong_descriptors),
        TEST(test_targets),
        TEST(test_removal_answers_first),
        TEST(test_removed_by_its_callbacks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
