// SPDX-License-Identifier: Apache-2.0
// The limits on connections in all, per remote and per user, and on the accept rate.
#include "net/admission.h"
#include "net_fixture.h"

#include "basic/counter.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uint64_t count_of(const char *counter)
{
    return counter_find(counter)->value;
}

// A refused client sees only the end of the connection.
static void assert_refused(struct net_fixture *fixture, struct remote *remote)
{
    unsigned n_peers = fixture->n_peers;
    _cleanup_buf_ struct buf taken = {0};
    int fd = fixture_dial(remote);

    RUN_UNTIL(fixture, !client_take(fd, &taken));
    assert_int_equal(taken.size, 0);
    assert_int_equal(fixture->n_peers, n_peers);
    close(fd);
}

// Sets limits under which each limited object may have two connections.
static void check_limit(struct net_fixture *fixture, size_t *limit, const char *counter,
                        const char *who)
{
    struct remote *remote = fixture_listen(fixture, "punix:a.sock");
    uint64_t before = count_of(counter);
    struct peer *peer;
    int fds[2];

    *limit = 2;
    for (int i = 0; i < 2; i++) {
        fds[i] = fixture_connect(fixture, remote, &peer);
    }
    assert_refused(fixture, remote);
    assert_int_equal(count_of(counter), before + 1);
    assert_non_null(strstr(fixture->log, who));
    assert_int_equal(admission_most_of_user(fixture->net), 2);
    free(TAKE_PTR(fixture->log));
    close(fds[1]); // room for another
    RUN_UNTIL(fixture, fixture->n_open == 1);
    fds[1] = fixture_connect(fixture, remote, &peer);
    close(fds[0]);
    close(fds[1]);
    RUN_UNTIL(fixture, !fixture->n_open);
    assert_int_equal(admission_most_of_user(fixture->net), 0);
    assert_int_equal(fixture->net->users.n, 0); // no user is counted any more
}

static void test_in_all(void **state)
{
    struct net_fixture *fixture = *state;

    check_limit(fixture, &fixture->net->limits.max_connections, "sessions_refused",
                "the server has");
}

static void test_of_remote(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *other = fixture_listen(fixture, "punix:b.sock");
    struct peer *peer;
    int fd;

    check_limit(fixture, &fixture->net->limits.max_per_remote, "remote_sessions_refused",
                "its remote has");
    fd = fixture_connect(fixture, other, &peer);
    close(fd);
    RUN_UNTIL(fixture, !fixture->n_open);
}

static void test_of_user(void **state)
{
    struct net_fixture *fixture = *state;

    check_limit(fixture, &fixture->net->limits.max_per_user, "user_sessions_refused",
                "its user has");
}

// A connected pair of stream sockets of one address family; returns the end that was accepted.
static int pair(const struct sockaddr *server, socklen_t size, const struct sockaddr *source,
                socklen_t source_size, int *ret_client)
{
    struct sockaddr_storage at;
    socklen_t at_size = sizeof(at);
    int accepted, client = socket(source->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int listener = socket(server->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(listener, server, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &at_size), 0);
    if (source->sa_family == AF_INET) { // of a listener of both families, its IPv4 side
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

        to.sin_port = at.ss_family == AF_INET ? ((struct sockaddr_in *)&at)->sin_port
                                              : ((struct sockaddr_in6 *)&at)->sin6_port;
        memcpy(&at, &to, at_size = sizeof(to));
    }
    assert_int_equal(bind(client, source, source_size), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&at, at_size), 0);
    accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(accepted >= 0);
    close(listener);
    *ret_client = client;
    return accepted;
}

// An IPv4 address and its form mapped to IPv6 are the same user; another address is another user.
static void test_addresses(void **state)
{
    struct net_fixture *fixture = *state;
    struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in second = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002)};
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
    const struct sockaddr *four = (struct sockaddr *)&any4, *six = (struct sockaddr *)&any6;
    int clients[3];
    int fds[3] = {
        pair(four, sizeof(any4), four, sizeof(any4), &clients[0]),
        pair(six, sizeof(any6), four, sizeof(any4), &clients[1]),
        pair(four, sizeof(any4), (struct sockaddr *)&second, sizeof(second), &clients[2]),
    };
    struct user *users[3];

    for (int i = 0; i < 3; i++) {
        users[i] = admission_enter(fixture->net, fds[i]);
    }
    assert_ptr_equal(users[0], users[1]);
    assert_ptr_not_equal(users[0], users[2]);
    assert_int_equal(admission_most_of_user(fixture->net), 2);
    for (int i = 0; i < 3; i++) {
        admission_leave(fixture->net, users[i]);
        close(fds[i]);
        close(clients[i]);
    }
    assert_int_equal(fixture->net->users.n, 0);
}

// A socket whose user cannot be determined is allowed and not counted for any user.
static void test_unknown_user(void **state)
{
    struct net_fixture *fixture = *state;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_null(admission_enter(fixture->net, fd));
    admission_leave(fixture->net, NULL);
    assert_int_equal(fixture->net->users.n, 0);
    close(fd);
}

// At most one second of unused credit is kept.
static void test_rate(void **state)
{
    struct net_fixture *fixture = *state;
    struct net *net = fixture->net;
    uint64_t before = count_of("accepts_delayed");
    usec_t pause = 0;
    unsigned n;

    fixture_settle(fixture); // from here on it is always the same moment
    net->limits.max_accept_rate = 100;
    net->accept_time = net_now(net) - 10 * USEC_PER_SEC; // no client has connected for long
    for (n = 0; n < 1000 && admission_in_time(net, &pause); n++) {
        admission_count(net);
    }
    assert_int_equal(n, 100);
    assert_int_equal(pause, USEC_PER_SEC / 100);
    assert_int_equal(count_of("accepts_delayed"), before + 1);
    assert_non_null(strstr(fixture->log, "faster than 100 per second"));
    free(TAKE_PTR(fixture->log));
    net->accept_time = net_now(net) - 3 * USEC_PER_SEC / 100; // room for three
    for (n = 0; n < 1000 && admission_in_time(net, &pause); n++) {
        admission_count(net);
    }
    assert_int_equal(n, 3);
    free(TAKE_PTR(fixture->log));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_in_all),    TEST(test_of_remote),    TEST(test_of_user),
        TEST(test_addresses), TEST(test_unknown_user), TEST(test_rate),
    };

    return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
