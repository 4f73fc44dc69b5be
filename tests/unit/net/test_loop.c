// SPDX-License-Identifier: Apache-2.0
// The net as a whole: net_free() from every callback, flushing, thousands of connections.
#include "net_fixture.h"

#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

// The tear-down would free the net, which is freed already.
static void forget_net(struct net_fixture *fixture)
{
    fixture->net = NULL;
}

static void free_net_on_message(struct net_fixture *fixture, struct peer *peer, struct slice text)
{
    net_free(fixture->net);
    assert_true(slice_is(text, "[1]"));
    assert_int_equal(peer->n_closed, 0);
    connection_send(peer->connection, text, POSITION_NONE); // pointless, but not forbidden
}

static void free_net_on_peer(struct net_fixture *fixture, struct peer *peer)
{
    net_free(fixture->net);
}

static void free_net_on_gave_up(struct net_fixture *fixture, struct remote *remote)
{
    net_free(fixture->net);
}

static void test_freed_from_message(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");
    struct peer *peer, *other;
    int fd = fixture_connect(fixture, remote, &peer);
    int other_fd = fixture_connect(fixture, remote, &other);

    fixture->on_message = free_net_on_message;
    client_put(fixture, fd, SLICE("[1][2]"));
    RUN_UNTIL(fixture, peer->n_closed && other->n_closed);
    assert_int_equal(peer->n_messages, 1);
    assert_string_equal(other->reason, "its remote is removed");
    forget_net(fixture);
    close(fd);
    close(other_fd);
}

static void test_freed_from_opened(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");
    int fds[2] = {fixture_dial(remote), fixture_dial(remote)};

    fixture->on_opened = free_net_on_peer;
    RUN_UNTIL(fixture, fixture->n_peers == 1 && fixture->n_open == 0);
    forget_net(fixture);
    close(fds[0]);
    close(fds[1]);
}

static void test_freed_from_closed(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");
    struct peer *peer, *other;
    int fd = fixture_connect(fixture, remote, &peer);
    int other_fd = fixture_connect(fixture, remote, &other);

    fixture->on_closed = free_net_on_peer;
    close(fd);
    RUN_UNTIL(fixture, peer->n_closed && other->n_closed);
    forget_net(fixture);
    close(other_fd);
}

static void test_freed_when_a_connector_gives_up(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote_options options = REMOTE_OPTIONS_DEFAULT;

    options.no_retry = true;
    fixture->on_gave_up = free_net_on_gave_up;
    fixture_listen_with(fixture, "unix:none", &options);
    RUN_UNTIL(fixture, fixture->n_gave_up);
    forget_net(fixture);
}

static void test_flush(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");
    struct peer *peer, *stuck;
    _cleanup_buf_ struct buf big = {0}, taken = {0};
    int fd = fixture_connect(fixture, remote, &peer);
    int stuck_fd = fixture_connect(fixture, remote, &stuck);

    connection_send(peer->connection, SLICE("[1]"), POSITION_NONE);
    connection_send(peer->connection, SLICE("[2]"), fixture_position(fixture, 9));
    net_flush(fixture->net, 10 * USEC_PER_SEC); // the loop does not run
    client_take(fd, &taken);
    assert_slice_is(buf_slice(&taken), "[1]");
    memset(buf_reserve(&big, 3000000), 'x', 3000000);
    connection_send(stuck->connection, (struct slice){big.data, 3000000}, POSITION_NONE);
    net_flush(fixture->net, 50 * USEC_PER_MSEC); // returns although this client does not read
    assert_int_not_equal(connection_backlog(stuck->connection), 0);
    // The loop sends what could not be flushed.
    buf_clear(&taken);
    RUN_UNTIL(fixture, client_take(stuck_fd, &taken) && taken.size == 3000000);
    close(fd);
    close(stuck_fd);
}

static void *take_all_mt(void *userdata)
{
    const int *fd = userdata;
    _cleanup_buf_ struct buf taken = {0};
    struct pollfd pollfd = {.fd = *fd, .events = POLLIN};

    while (taken.size < 3000000) {
        assert_int_equal(poll(&pollfd, 1, -1), 1);
        assert_true(client_take(*fd, &taken));
    }
    return NULL;
}

// net_flush() waits for a client that reads.
static void test_flush_waits(void **state)
{
    struct net_fixture *fixture = *state;
    struct peer *peer;
    _cleanup_buf_ struct buf big = {0};
    int fd = fixture_connect(fixture, fixture_listen(fixture, "punix:s"), &peer);
    pthread_t reader;

    memset(buf_reserve(&big, 3000000), 'x', 3000000);
    connection_send(peer->connection, (struct slice){big.data, 3000000}, POSITION_NONE);
    assert_int_equal(pthread_create(&reader, NULL, take_all_mt, &fd), 0);
    net_flush(fixture->net, USEC_PER_SEC * 3600);
    assert_int_equal(connection_backlog(peer->connection), 0);
    pthread_join(reader, NULL);
    close(fd);
}

// Closing connections are flushed too; broken ones are ignored.
static void test_flush_of_the_closing(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");
    struct peer *peer, *broken;
    _cleanup_buf_ struct buf taken = {0};
    int fd = fixture_connect(fixture, remote, &peer);
    int broken_fd = fixture_connect(fixture, remote, &broken);

    connection_send(peer->connection, SLICE("[1]"), POSITION_NONE);
    connection_send(broken->connection, SLICE("[1]"), POSITION_NONE);
    close(broken_fd);
    remote_free(remote);
    net_flush(fixture->net, 10 * USEC_PER_SEC);
    client_take(fd, &taken);
    assert_slice_is(buf_slice(&taken), "[1]");
    RUN_UNTIL(fixture, peer->n_closed && broken->n_closed);
    close(fd);
}

#ifdef __SANITIZE_ADDRESS__
#define MEASURES_MEMORY false
#else
#define MEASURES_MEMORY true
#endif

// Each of many connections is served, and an idle one needs little memory.
static void test_thousands(void **state)
{
    enum { N = 2000 };
    struct net_fixture *fixture = *state;
    struct remote_options options = {.probe_interval_ms = 600000, .dscp = -1};
    struct remote *remote = fixture_listen_with(fixture, "punix:s", &options);
    struct rlimit limit;
    int *fds = xcalloc(N, sizeof(*fds));
    size_t before, after;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 2 * N + 100) {
        free(fds);
        skip();
    }
    before = mallinfo2().uordblks;
    for (int i = 0; i < N; i++) {
        struct peer *peer;

        fds[i] = fixture_connect(fixture, remote, &peer);
    }
    after = mallinfo2().uordblks;
    assert_int_equal(net_n_connections(fixture->net), N);
    print_message("%zu bytes per idle connection, test records included\n", (after - before) / N);
    if (MEASURES_MEMORY) {
        assert_true((after - before) / N < 1024);
    }
    fixture->echoes = true;
    for (int i = 0; i < N; i++) {
        client_put(fixture, fds[i], SLICE("[1][2][3]"));
    }
    for (int i = 0; i < N; i++) {
        _cleanup_buf_ struct buf buf = {0};

        RUN_UNTIL(fixture, client_take(fds[i], &buf) && buf.size == 9);
        assert_slice_is(buf_slice(&buf), "[1][2][3]");
    }
    for (int i = 0; i < N; i++) {
        close(fds[i]);
    }
    RUN_UNTIL(fixture, fixture->n_open == 0);
    assert_int_equal(net_n_connections(fixture->net), 0);
    assert_int_equal(fixture->net->timers.n, 0);
    free(fds);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_freed_from_message),
        TEST(test_freed_from_opened),
        TEST(test_freed_from_closed),
        TEST(test_freed_when_a_connector_gives_up),
        TEST(test_flush),
        TEST(test_flush_waits),
        TEST(test_flush_of_the_closing),
        TEST(test_thousands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
