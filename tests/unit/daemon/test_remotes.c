// SPDX-License-Identifier: Apache-2.0
#include "daemon/remotes/remotes.h"
#include "daemon/sessions/client_sessions.h"
#include "unit.h"

#include "basic/log.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

static char folder[] = "/tmp/ovsdbd-remotes-XXXXXX";

struct fixture {
    sd_event *event;
    struct server *server;
    struct databases *databases;
    struct identities identities;
    struct client_sessions client_sessions;
    struct net *net;
    struct remotes *remotes;
};

static int setup(void **state)
{
    struct fixture *fixture = NEW(struct fixture);

    assert_true(sd_event_new(&fixture->event) >= 0);
    fixture->server = server_new(uuid_random);
    fixture->client_sessions = (struct client_sessions){fixture->server, &fixture->identities};
    fixture->net = client_sessions_net_new(fixture->event, &fixture->client_sessions);
    fixture->databases = databases_new(fixture->server, NULL);
    fixture->remotes = remotes_new(fixture->net, fixture->server, fixture->databases);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    remotes_free(fixture->remotes);
    net_free(fixture->net);
    databases_free(fixture->databases);
    server_free(fixture->server);
    sd_event_unref(fixture->event);
    free(fixture);
    return 0;
}

static void expect_list(struct fixture *fixture, const char *expected)
{
    json_t *targets = remotes_list(fixture->remotes);
    struct buf text = {0};
    const json_t *target;
    size_t i;

    json_array_foreach(targets, i, target)
    {
        buf_printf(&text, "%s\n", json_string_value(target));
    }
    json_decref(targets);
    assert_slice_is(buf_slice(&text), expected);
    buf_done(&text);
}

static void test_same_remote_once(void **state)
{
    struct fixture *fixture = *state;
    char *absolute = xasprintf("punix:%s/b.sock", folder);
    char *file = absolute + strlen("punix:");

    assert_no_failure(remotes_add(fixture->remotes, "punix:b.sock", &REMOTE_SETTINGS_DEFAULT));
    assert_no_failure(remotes_add(fixture->remotes, absolute, &REMOTE_SETTINGS_DEFAULT));
    assert_no_failure(remotes_add(fixture->remotes, "ptcp:0:127.0.0.1", &REMOTE_SETTINGS_DEFAULT));
    assert_no_failure(remotes_add(fixture->remotes, "ptcp:0:127.0.0.1", &REMOTE_SETTINGS_DEFAULT));
    expect_list(fixture, "ptcp:0:127.0.0.1\npunix:b.sock\n");
    assert_int_equal(remotes_count(fixture->remotes), 2);
    assert_int_equal(access(file, F_OK), 0);
    assert_true(remotes_remove(fixture->remotes, absolute));
    assert_int_equal(access(file, F_OK), -1);
    assert_false(remotes_remove(fixture->remotes, absolute));
    expect_list(fixture, "ptcp:0:127.0.0.1\n");
    free(absolute);
}

// All spellings of an address are one remote; the wildcard addresses of IPv4 and IPv6 are two.
static void test_keys_of_addresses(void **state)
{
    static const char *const same[][2] = {
        {"ptcp:0", "ptcp:0:0.0.0.0"},
        {"ptcp:0", "ptcp:0:[::ffff:0.0.0.0]"},
        {"ptcp:0:[::]", "ptcp:0:[0:0::0]"},
        {"ptcp:0:[::1]", "ptcp:0:[0:0:0:0:0:0:0:1]"},
        {"ptcp:0:127.0.0.1", "ptcp:0:[::ffff:127.0.0.1]"},
        {"tcp:127.0.0.1", "tcp:127.0.0.1:6640"},
        {"tcp:[::1]:1", "tcp:[0::1]:1"},
    };
    static const char *const different[][2] = {
        {"ptcp:0", "ptcp:0:[::]"},
        {"ptcp:0:[::]", "ptcp:0:[::1]"},
        {"ptcp:0:127.0.0.1", "tcp:127.0.0.1:1"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
        assert_no_failure(remotes_add(fixture->remotes, same[i][0], &REMOTE_SETTINGS_DEFAULT));
        assert_no_failure(remotes_add(fixture->remotes, same[i][1], &REMOTE_SETTINGS_DEFAULT));
        assert_int_equal(remotes_count(fixture->remotes), 1);
        assert_true(remotes_remove(fixture->remotes, same[i][1]));
    }
    for (size_t i = 0; i < ARRAY_SIZE(different); i++) {
        assert_no_failure(remotes_add(fixture->remotes, different[i][0], &REMOTE_SETTINGS_DEFAULT));
        assert_no_failure(remotes_add(fixture->remotes, different[i][1], &REMOTE_SETTINGS_DEFAULT));
        assert_int_equal(remotes_count(fixture->remotes), 2);
        assert_true(remotes_remove(fixture->remotes, different[i][0]));
        assert_true(remotes_remove(fixture->remotes, different[i][1]));
    }
}

static void test_refused(void **state)
{
    static const char *const table[] = {
        "",           "foo",      "foo:1",           "punix:",         "ptcp:x",
        "ptcp:99999", "db:d,T,c", "ssl:127.0.0.1:1", "ptcp:1:1.2.3.4", "punix:/nonexistent/x",
    };
    struct remote_settings bad = REMOTE_SETTINGS_DEFAULT;
    struct fixture *fixture = *state;
    struct failure *failure;

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        failure = remotes_add(fixture->remotes, table[i], &REMOTE_SETTINGS_DEFAULT);

        assert_non_null(failure);
        assert_true(strlen(failure_text(failure)) > strlen(table[i]));
        failure_free(failure);
    }
    bad.read_only = true;
    failure = remotes_add(fixture->remotes, "db:d,T,c", &bad);
    assert_failure(failure, 0, "remotes that a database names have their settings there");
    expect_list(fixture, "");
}

// Creates a listening socket as the service manager passes it.
static int listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 5), 0);
    return fd;
}

static int listen_tcp6(uint16_t *ret_port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin6_port);
    return fd;
}

static void test_option_and_descriptor(void **state)
{
    struct fixture *fixture = *state;
    char *path = xasprintf("%s/d.sock", folder);
    char target[64];
    uint16_t port;

    assert_no_failure(remotes_add_fd(fixture->remotes, listen_unix(path), false));
    assert_no_failure(remotes_add(fixture->remotes, "punix:d.sock", &REMOTE_SETTINGS_DEFAULT));
    assert_int_equal(remotes_count(fixture->remotes), 1);
    // A socket that listens on all addresses is the remote without address.
    assert_no_failure(remotes_add_fd(fixture->remotes, listen_tcp6(&port), false));
    snprintf(target, sizeof(target), "ptcp:%u", port);
    assert_no_failure(remotes_add(fixture->remotes, target, &REMOTE_SETTINGS_DEFAULT));
    assert_int_equal(remotes_count(fixture->remotes), 2);
    assert_true(remotes_remove(fixture->remotes, target));
    assert_true(remotes_remove(fixture->remotes, "punix:d.sock"));
    assert_int_equal(access(path, F_OK), 0); // the service manager owns the file
    unlink(path);
    free(path);
}

static void configure(struct fixture *fixture, size_t n, const char *const *targets)
{
    struct remote_config configs[4];

    for (size_t i = 0; i < n; i++) {
        configs[i] = (struct remote_config){targets[i], REMOTE_SETTINGS_DEFAULT};
    }
    assert_no_failure(remotes_configure(fixture->remotes, configs, n));
}

// Remotes that leave the configuration are closed unless they have another origin.
static void test_configure(void **state)
{
    struct fixture *fixture = *state;
    struct remote_config bad[] = {{"punix:a", REMOTE_SETTINGS_DEFAULT},
                                  {"foo:1", REMOTE_SETTINGS_DEFAULT},
                                  {"punix:e", REMOTE_SETTINGS_DEFAULT}};
    struct failure *failure;

    configure(fixture, 3, (const char *[]){"punix:b", "punix:a", "punix:c"});
    expect_list(fixture, "punix:a\npunix:b\npunix:c\n");
    assert_no_failure(remotes_add(fixture->remotes, "punix:c", &REMOTE_SETTINGS_DEFAULT));
    assert_no_failure(remotes_add(fixture->remotes, "punix:d", &REMOTE_SETTINGS_DEFAULT));
    configure(fixture, 1, (const char *[]){"punix:a"});
    expect_list(fixture, "punix:a\npunix:c\npunix:d\n");
    failure = remotes_configure(fixture->remotes, bad, 3);
    assert_failure(failure, 0, "foo:1");
    expect_list(fixture, "punix:a\npunix:c\npunix:d\npunix:e\n");
    assert_true(remotes_remove(fixture->remotes, "punix:c"));
    configure(fixture, 0, NULL);
    expect_list(fixture, "punix:d\n");
}

static void test_not_a_socket(void **state)
{
    struct fixture *fixture = *state;
    int fd = dup(STDIN_FILENO);
    struct failure *failure = remotes_add_fd(fixture->remotes, fd, false);

    assert_failure(failure, 0, "");
    assert_int_equal(close(fd), -1);
}

// Without a key, a socket for TLS is refused, by its name and by its address; so is a Unix socket.
static void test_descriptors_for_tls(void **state)
{
    struct fixture *fixture = *state;
    char *path = xasprintf("%s/d.sock", folder);
    char target[64];
    uint16_t port;
    struct failure *failure = remotes_add_fd(fixture->remotes, listen_unix(path), true);

    assert_failure(failure, 0, "only a TCP socket that listens can be one for TLS");
    failure = remotes_add_fd(fixture->remotes, listen_tcp6(&port), true);
    assert_failure(failure, 0, "TLS needs");
    assert_int_equal(remotes_count(fixture->remotes), 0);
    assert_no_failure(remotes_add_fd(fixture->remotes, listen_tcp6(&port), false));
    snprintf(target, sizeof(target), "pssl:%u", port);
    failure = remotes_add(fixture->remotes, target, &REMOTE_SETTINGS_DEFAULT);
    assert_failure(failure, 0, "TLS needs");
    assert_int_equal(remotes_count(fixture->remotes), 1);
    // A remote that waits for TLS options of a database is retried.
    remotes_expect_tls(fixture->remotes, true);
    assert_no_failure(remotes_add(fixture->remotes, target, &REMOTE_SETTINGS_DEFAULT));
    assert_no_failure(remotes_add_fd(fixture->remotes, listen_tcp6(&port), true));
    assert_int_equal(remotes_count(fixture->remotes), 2);
    unlink(path);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_remote_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_of_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_option_and_descriptor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_configure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_a_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_descriptors_for_tls, setup, teardown),
    };
    int r;

    if (!mkdtemp(folder)) {
        return 1;
    }
    setenv("OVS_RUNDIR", folder, 1);
    log_set_level(NULL, -1, LOG_LEVEL_OFF);
    r = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return r;
}
