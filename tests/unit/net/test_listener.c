// SPDX-License-Identifier: Apache-2.0
// Listening sockets: files and their modes, ports, a shortage of descriptors.
#include "net_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int stat_of(struct net_fixture *fixture, const char *name, struct stat *ret)
{
    _cleanup_free_ char *path = fixture_path(fixture, name);

    return lstat(path, ret);
}

static void assert_refused(struct net_fixture *fixture, const char *target, int error,
                           const char *words)
{
    struct remote *remote;

    assert_failure(remote_new(fixture->net, target, &REMOTE_OPTIONS_DEFAULT, fixture, &remote),
                   -error, words);
}

static void test_file_and_its_mode(void **state)
{
    static const mode_t masks[] = {0, 022, 027, 077};
    struct net_fixture *fixture = *state;
    struct stat st;

    for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
        mode_t old = umask(masks[i]);
        struct remote *remote = fixture_listen(fixture, "punix:s");

        umask(old);
        assert_string_equal(remote_target(remote), "punix:s");
        assert_int_equal(stat_of(fixture, "s", &st), 0);
        assert_true(S_ISSOCK(st.st_mode));
        assert_int_equal(st.st_mode & 0777, 0770 & ~masks[i]);
        remote_free(remote);
        assert_int_equal(stat_of(fixture, "s", &st), -1);
    }
}

static void test_socket_of_a_listener_is_not_taken(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *first = fixture_listen(fixture, "punix:s");
    struct stat st;

    assert_refused(fixture, "punix:s", -EADDRINUSE, "a running server listens there");
    assert_int_equal(stat_of(fixture, "s", &st), 0);
    remote_free(first);
    assert_int_equal(stat_of(fixture, "s", &st), -1);
    remote_free(fixture_listen(fixture, "punix:s"));
}

static void test_other_files_are_not_replaced(void **state)
{
    struct net_fixture *fixture = *state;
    _cleanup_free_ char *path = fixture_path(fixture, "s");
    struct stat st;

    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_refused(fixture, "punix:s", -EEXIST, "a file that is not a socket is in the way");
    assert_int_equal(stat_of(fixture, "s", &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_refused(fixture, "punix:no/such/folder/s", -ENOENT, "No such file or directory");
    assert_refused(fixture, "ptcp:1:192.0.2.1", -EADDRNOTAVAIL, "Cannot assign requested address");
    assert_refused(fixture, "ptcp:99999", -EINVAL, "bad port number");
    assert_refused(fixture, "pssl:0", -ENOPROTOOPT, "TLS needs --private-key");
    assert_true(list_is_empty(&fixture->net->remotes));
}

static void test_long_path(void **state)
{
    struct net_fixture *fixture = *state;
    _cleanup_free_ char *name = xasprintf("%0120d", 0);
    _cleanup_free_ char *folder = fixture_path(fixture, name);
    _cleanup_free_ char *listen = xasprintf("punix:%s/s", folder);
    _cleanup_free_ char *dial = xasprintf("unix:%s/s", folder);
    struct remote *remote, *connector;
    struct stat st;
    _cleanup_free_ char *path = xasprintf("%s/s", folder);

    assert_int_equal(mkdir(folder, 0700), 0);
    remote = fixture_listen(fixture, listen);
    assert_int_equal(lstat(path, &st), 0);
    connector = fixture_listen(fixture, dial);
    RUN_UNTIL(fixture, fixture->n_peers == 2);
    remote_free(connector);
    remote_free(remote);
    assert_int_equal(lstat(path, &st), -1);
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);

    assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

static void test_tcp(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote_options options = REMOTE_OPTIONS_DEFAULT;
    struct remote *remote = fixture_listen(fixture, "ptcp:0:127.0.0.1");
    _cleanup_free_ char *again = xasprintf("ptcp:%u:127.0.0.1", remote_bound_port(remote));
    struct peer *peer;
    int fd = fixture_connect(fixture, remote, &peer);
    int ours = peer->connection->stream.fd;

    assert_int_not_equal(remote_bound_port(remote), 0);
    assert_memory_equal(peer->name, "tcp:127.0.0.1:", 14);
    assert_int_equal(option_of(ours, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(option_of(ours, IPPROTO_IP, IP_TOS), 48 << 2);
    options.dscp = 10;
    remote_set_options(remote, &options);
    assert_int_equal(option_of(ours, IPPROTO_IP, IP_TOS), 10 << 2);
    assert_refused(fixture, again, -EADDRINUSE, "Address already in use");
    connection_close(peer->connection, "the server's side goes first into TIME_WAIT");
    RUN_UNTIL(fixture, peer->n_closed);
    remote_free(remote);
    close(fd);
    fixture_settle(fixture);
    fixture_listen(fixture, again); // at once
}

static void test_ipv6(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *both, *remote;
    struct endpoint four = {.size = sizeof(four.in)};
    struct peer *peer;
    struct failure *failure;
    int fd;

    failure = remote_new(fixture->net, "ptcp:0:[::1]", &REMOTE_OPTIONS_DEFAULT, fixture, &remote);
    if (failure) {
        print_message("no IPv6 here: %s\n", failure_text(failure));
        failure_free(failure);
        skip();
    }
    fd = fixture_connect(fixture, remote, &peer);
    assert_memory_equal(peer->name, "tcp:[::1]:", 10);
    assert_int_equal(option_of(peer->connection->stream.fd, IPPROTO_IPV6, IPV6_TCLASS), 48 << 2);
    close(fd);
    // The any-address of IPv6 accepts IPv4 too, and such clients have IPv4 names.
    both = fixture_listen(fixture, "ptcp:0:[::]");
    four.in.sin_family = AF_INET;
    four.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    four.in.sin_port = htons(remote_bound_port(both));
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, &four.sa, four.size), 0);
    RUN_UNTIL(fixture, fixture->n_peers == 2);
    assert_memory_equal(fixture->peers[1]->name, "tcp:127.0.0.1:", 14);
    close(fd);
}

// True if a process listens at this address.
static bool answers(const char *host, uint16_t port)
{
    struct address address = {.kind = ADDRESS_TCP, .host = (char *)host, .port = port};
    struct endpoint endpoint;
    int fd, r;

    assert_true(address_endpoint(&address, &endpoint));
    fd = socket(endpoint.sa.sa_family, SOCK_STREAM, 0);
    r = connect(fd, &endpoint.sa, endpoint.size);
    close(fd);
    return !r;
}

static bool has_ipv6(struct net_fixture *fixture)
{
    struct remote *remote;
    struct failure *failure =
        remote_new(fixture->net, "ptcp:0:[::1]", &REMOTE_OPTIONS_DEFAULT, fixture, &remote);

    if (failure) {
        failure_free(failure);
        return false;
    }
    remote_free(remote);
    return true;
}

// Listeners on all addresses of both families, made in either order, each get their own clients.
// When the IPv4 one is closed, the IPv6 one gets the IPv4 clients too.
static void check_wildcards(struct net_fixture *fixture, const char *first, const char *second)
{
    struct remote *remotes[2];
    _cleanup_free_ char *target = NULL;
    uint16_t port;
    int n_six, n_four;

    remotes[0] = fixture_listen(fixture, first);
    port = remote_bound_port(remotes[0]);
    target = xasprintf("ptcp:%u%s", port, second);
    remotes[1] = fixture_listen(fixture, target);
    assert_true(answers("127.0.0.1", port));
    assert_true(answers("::1", port));
    n_six = strstr(first, "[::]") ? 0 : 1;
    n_four = !n_six;
    assert_false(remote_is_dual(remotes[n_six]));
    RUN_UNTIL(fixture, fixture->n_peers == 2 && !fixture->n_open);
    assert_ptr_equal(fixture->peers[0]->remote, remotes[n_four]);
    assert_ptr_equal(fixture->peers[1]->remote, remotes[n_six]);
    remote_free(remotes[n_four]);
    RUN_UNTIL(fixture, remote_is_dual(remotes[n_six]));
    assert_int_equal(remote_bound_port(remotes[n_six]), port);
    assert_true(answers("127.0.0.1", port));
    assert_true(answers("::1", port));
    RUN_UNTIL(fixture, fixture->n_peers == 4 && !fixture->n_open);
}

static void test_four_then_six(void **state)
{
    struct net_fixture *fixture = *state;

    if (!has_ipv6(fixture)) {
        skip();
    }
    check_wildcards(fixture, "ptcp:0", ":[::]");
}

static void test_six_then_four(void **state)
{
    struct net_fixture *fixture = *state;

    if (!has_ipv6(fixture)) {
        skip();
    }
    check_wildcards(fixture, "ptcp:0:[::]", "");
}

// An overlapping listener is refused, and the error names the remote that has the address.
static void test_overlapping_addresses(void **state)
{
    static const struct {
        const char *first, *second;
        bool works;
    } table[] = {
        {"ptcp:0", ":127.0.0.1", false},
        {"ptcp:0:127.0.0.1", "", false},
        {"ptcp:0:127.0.0.1", ":[::]", false},
        {"ptcp:0:[::]", ":127.0.0.1", false},
        {"ptcp:0:[::]", ":[::1]", false},
        {"ptcp:0:[::1]", ":[::]", false},
        {"ptcp:0:127.0.0.1", ":127.0.0.2", true},
        {"ptcp:0:127.0.0.1", ":[::1]", true},
        {"ptcp:0:[::1]", "", true},
    };
    struct net_fixture *fixture = *state;

    if (!has_ipv6(fixture)) {
        skip();
    }
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct remote *first = fixture_listen(fixture, table[i].first);
        _cleanup_free_ char *second =
            xasprintf("ptcp:%u%s", remote_bound_port(first), table[i].second);
        _cleanup_free_ char *words =
            xasprintf("%s: cannot listen: Address already in use by %s", second, table[i].first);

        if (table[i].works) {
            remote_free(fixture_listen(fixture, second));
        } else {
            assert_refused(fixture, second, -EADDRINUSE, words);
        }
        remote_free(first);
    }
}

static void test_port_is_logged(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "ptcp:0");
    struct endpoint endpoint = {.size = sizeof(endpoint.storage)};

    assert_int_equal(getsockname(remote->listener->acceptor.fd, &endpoint.sa, &endpoint.size), 0);
    assert_int_equal(endpoint.sa.sa_family, AF_INET);
    assert_int_equal(endpoint.in.sin_addr.s_addr, htonl(INADDR_ANY));
    assert_non_null(fixture->last_info);
    assert_int_equal(remote_bound_port(remote), ntohs(endpoint.in.sin_port));
    {
        _cleanup_free_ char *line =
            xasprintf("ptcp:0: listening on port %u", remote_bound_port(remote));

        assert_string_equal(fixture->last_info, line);
    }
}

// A listener pauses when descriptors are short, and continues later.
static void test_out_of_descriptors(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *remote = fixture_listen(fixture, "punix:s");
    struct rlimit old, few;
    int fds[3];
    int free_slot, next_slot, fresh;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = fixture_dial(remote);
    }
    free_slot = dup(0); // the lowest two that are free: leave one
    next_slot = dup(0);
    close(free_slot);
    close(next_slot);
    few = (struct rlimit){(rlim_t)next_slot, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    RUN_UNTIL(fixture, fixture->n_peers == 1 && fixture->log);
    assert_non_null(strstr(fixture->log, "cannot accept a connection: Too many open files"));
    fixture_settle(fixture); // would never end if the listener still was on
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    // The waiting connections are accepted first, then the new one. Their number is not checked,
    // because a memory checker that emulates system calls may have lost some.
    fresh = fixture_dial(remote);
    client_put(fixture, fresh, SLICE("[1]"));
    RUN_UNTIL(fixture, fixture->peers[fixture->n_peers - 1]->n_messages == 1);
    close(fresh);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        close(fds[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_file_and_its_mode),
        TEST(test_socket_of_a_listener_is_not_taken),
        TEST(test_other_files_are_not_replaced),
        TEST(test_long_path),
        TEST(test_tcp),
        TEST(test_ipv6),
        TEST(test_four_then_six),
        TEST(test_six_then_four),
        TEST(test_overlapping_addresses),
        TEST(test_port_is_logged),
        TEST(test_out_of_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
