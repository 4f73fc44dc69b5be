// SPDX-License-Identifier: Apache-2.0
// Dialing: at once, again with longer and longer waits, by name, and giving up.
#include "net_fixture.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

static struct remote_status status_of(const struct remote *remote)
{
    struct remote_status status;

    remote_status(remote, &status);
    return status;
}

static struct peer *peer_of(struct net_fixture *fixture, const struct remote *remote)
{
    for (unsigned i = 0; i < fixture->n_peers; i++) {
        if (fixture->peers[i]->remote == remote && !fixture->peers[i]->n_closed) {
            return fixture->peers[i];
        }
    }
    return NULL;
}

static struct remote *dial(struct net_fixture *fixture, const char *target, uint64_t max_backoff_ms)
{
    struct remote_options options = REMOTE_OPTIONS_DEFAULT;

    options.max_backoff_ms = max_backoff_ms;
    return fixture_listen_with(fixture, target, &options);
}

static void check_talks(struct net_fixture *fixture, const char *listen, const char *target)
{
    struct remote *listener = fixture_listen(fixture, listen);
    uint16_t port = remote_bound_port(listener);
    _cleanup_free_ char *dialed = port ? xasprintf("%s:%u", target, port) : xstrdup(target);
    struct remote *connector = dial(fixture, dialed, 0);
    struct peer *ours, *theirs;

    assert_string_equal(status_of(connector).state, "BACKOFF");
    RUN_UNTIL(fixture,
              (ours = peer_of(fixture, connector)) && (theirs = peer_of(fixture, listener)));
    assert_string_equal(ours->name, dialed);
    assert_string_equal(status_of(connector).state, "ACTIVE");
    assert_true(status_of(connector).is_connected);
    assert_int_equal(status_of(connector).n_connections, 1);
    assert_int_not_equal(status_of(connector).last_connected, 0);
    connection_send(ours->connection, SLICE("[1]"), POSITION_NONE);
    connection_send(theirs->connection, SLICE("[2]"), POSITION_NONE);
    RUN_UNTIL(fixture, ours->n_messages && theirs->n_messages);
    assert_messages(ours, "[2]\n");
    assert_messages(theirs, "[1]\n");
    remote_free(connector);
    remote_free(listener);
    RUN_UNTIL(fixture, ours->n_closed && theirs->n_closed);
}

static void test_every_kind(void **state)
{
    struct net_fixture *fixture = *state;

    check_talks(fixture, "punix:s", "unix:s");
    check_talks(fixture, "ptcp:0:127.0.0.1", "tcp:127.0.0.1");
    check_talks(fixture, "ptcp:0:127.0.0.1", "tcp:localhost"); // ::1 may be tried first, in vain
    if (!access("/proc/sys/net/ipv6", F_OK)) {
        check_talks(fixture, "ptcp:0:[::1]", "tcp:[::1]");
    }
}

static void test_backoff_doubles(void **state)
{
    static const uint64_t expected[] = {1000, 2000, 4000, 5000, 5000};
    struct net_fixture *fixture = *state;
    struct remote *connector = dial(fixture, "unix:none", 5000);

    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        usec_t wait;

        RUN_UNTIL(fixture, connector->connector->backoff.last_ms == expected[i] &&
                               connector->connector->timer.deadline > net_now(fixture->net));
        assert_string_equal(status_of(connector).state, "BACKOFF");
        assert_string_equal(status_of(connector).last_error, "No such file or directory");
        wait = connector->connector->timer.deadline - net_now(fixture->net);
        assert_true(wait <= expected[i] * USEC_PER_MSEC);
        net_set_timer(fixture->net, &connector->connector->timer, 1); // ends the wait
        fixture_settle(fixture);
    }
    assert_int_equal(fixture->n_gave_up, 0);
    // A request to reconnect dials at once and starts with the shortest wait again.
    net_reconnect(fixture->net);
    RUN_UNTIL(fixture, connector->connector->backoff.last_ms == 1000);
    assert_null(fixture->log); // a server that does not run yet causes no warnings
}

static void test_dials_until_somebody_listens_and_again(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *connector = dial(fixture, "unix:s", 10);
    struct remote *listener;
    struct peer *peer;

    RUN_UNTIL(fixture, status_of(connector).last_error[0]);
    listener = fixture_listen(fixture, "punix:s");
    for (int i = 0; i < 3; i++) {
        RUN_UNTIL(fixture, (peer = peer_of(fixture, connector)) && peer_of(fixture, listener));
        connection_close(peer_of(fixture, listener)->connection, "test");
        RUN_UNTIL(fixture, peer->n_closed);
        assert_string_equal(peer->reason, "connection closed by peer");
    }
    assert_int_not_equal(status_of(connector).last_disconnected, 0);
}

static void test_lasting_connection_resets_the_backoff(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *listener = fixture_listen(fixture, "punix:s");
    struct remote *connector = dial(fixture, "unix:s", 8000);
    struct peer *peer;

    RUN_UNTIL(fixture, (peer = peer_of(fixture, connector)) && peer_of(fixture, listener));
    connector->connector->backoff.last_ms = 4000;
    connector->last_connected -= 3 * USEC_PER_SEC; // lasted too short
    connection_close(peer->connection, "test");
    RUN_UNTIL(fixture, peer->n_closed);
    assert_int_equal(connector->connector->backoff.last_ms, 8000);
    net_set_timer(fixture->net, &connector->connector->timer, 1);
    RUN_UNTIL(fixture, (peer = peer_of(fixture, connector)) && peer_of(fixture, listener));
    connector->last_connected -= 9 * USEC_PER_SEC; // lasted
    connection_close(peer->connection, "test");
    RUN_UNTIL(fixture, peer->n_closed);
    assert_int_equal(connector->connector->backoff.last_ms, 1000);
}

static void test_reconnect_dials_at_once(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *listener = fixture_listen(fixture, "punix:s");
    struct remote *connector = dial(fixture, "unix:s", 0);
    struct peer *first;

    RUN_UNTIL(fixture, (first = peer_of(fixture, connector)) && peer_of(fixture, listener));
    net_reconnect(fixture->net);
    RUN_UNTIL(fixture,
              first->n_closed && peer_of(fixture, connector) && peer_of(fixture, listener));
    assert_int_equal(connector->connector->backoff.last_ms, 0); // it did not wait
    assert_string_equal(first->reason, "reconnect requested");
}

static void test_no_retry(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote_options options = REMOTE_OPTIONS_DEFAULT;
    struct remote *refused, *connected;
    struct remote *listener = fixture_listen(fixture, "punix:s");

    options.no_retry = true;
    refused = fixture_listen_with(fixture, "unix:none", &options);
    connected = fixture_listen_with(fixture, "unix:s", &options);
    RUN_UNTIL(fixture, fixture->n_gave_up == 1 && peer_of(fixture, connected));
    assert_string_equal(fixture->gave_up_error, "No such file or directory");
    assert_string_equal(status_of(refused).state, "VOID");
    remote_free(listener);
    RUN_UNTIL(fixture, !peer_of(fixture, connected));
    assert_string_equal(status_of(connected).state, "VOID");
    assert_int_equal(fixture->n_gave_up, 1);
}

static void free_it(struct net_fixture *fixture, struct remote *remote)
{
    remote_free(remote);
}

static void test_freed_when_it_gives_up(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote_options options = REMOTE_OPTIONS_DEFAULT;

    fixture->on_gave_up = free_it;
    options.no_retry = true;
    fixture_listen_with(fixture, "unix:none", &options);
    fixture_listen_with(fixture, "tcp:127.0.0.1:1", &options);
    RUN_UNTIL(fixture, fixture->n_gave_up == 2 && list_is_empty(&fixture->net->dead_remotes));
    assert_true(list_is_empty(&fixture->net->remotes));
}

static void test_name_that_does_not_exist(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote_options options = REMOTE_OPTIONS_DEFAULT;
    struct remote *remote;

    options.no_retry = true;
    remote = fixture_listen_with(fixture, "tcp:no-such-host.invalid:1", &options);
    RUN_UNTIL(fixture, status_of(remote).state[0] == 'C'); // resolving shows as CONNECTING
    RUN_UNTIL(fixture, fixture->n_gave_up == 1);
    assert_true(strlen(fixture->gave_up_error) > 0);
    // The next two are freed while their helper threads run.
    remote_free(fixture_listen(fixture, "tcp:no-such-host-2.invalid:1"));
    remote = fixture_listen(fixture, "tcp:no-such-host-3.invalid:1");
    RUN_UNTIL(fixture, remote->connector->state == CONNECTOR_RESOLVING);
    remote_free(remote);
    fixture_settle(fixture);
}

// An attempt fails if an endpoint does not answer in time and there is no other one.
static void test_no_answer(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote *listener = fixture_listen(fixture, "ptcp:0:127.0.0.1");
    _cleanup_free_ char *target = xasprintf("tcp:127.0.0.1:%u", remote_bound_port(listener));
    struct endpoint endpoint = {.size = sizeof(endpoint.storage)};
    struct remote *connector;
    int fds[2];

    // While the queue of a listening socket is full, the kernel ignores further connections.
    sd_event_source_set_enabled(listener->listener->acceptor.source, SD_EVENT_OFF);
    assert_int_equal(listen(listener->listener->acceptor.fd, 0), 0);
    assert_int_equal(getsockname(listener->listener->acceptor.fd, &endpoint.sa, &endpoint.size), 0);
    for (int i = 0; i < 2; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fds[i], &endpoint.sa, endpoint.size);
    }
    fixture->net->connect_usec = 30 * USEC_PER_MSEC;
    connector = dial(fixture, target, 0);
    RUN_UNTIL(fixture, status_of(connector).last_error[0]);
    assert_string_equal(status_of(connector).last_error, "Connection timed out");
    close(fds[0]);
    close(fds[1]);
}

static void test_probe_shows_as_idle(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote_options options = REMOTE_OPTIONS_DEFAULT;
    struct remote *connector, *listener = fixture_listen(fixture, "punix:s");

    options.probe_interval_ms = 100;
    connector = fixture_listen_with(fixture, "unix:s", &options);
    RUN_UNTIL(fixture, peer_of(fixture, connector) && peer_of(fixture, listener));
    RUN_UNTIL(fixture, status_of(connector).state[0] == 'I');
    assert_string_equal(status_of(connector).state, "IDLE");
    // The listener's side gets the echo request as a message. Its handler has to answer it.
    RUN_UNTIL(fixture, peer_of(fixture, listener)->n_messages == 1);
    connection_send(peer_of(fixture, listener)->connection,
                    SLICE("{\"id\":\"echo\",\"result\":[],\"error\":null}"), POSITION_NONE);
    RUN_UNTIL(fixture, status_of(connector).state[0] == 'A');
}

// The owner of quiet remotes logs what matters.
static void test_quiet(void **state)
{
    struct net_fixture *fixture = *state;
    struct remote_options options = REMOTE_OPTIONS_DEFAULT;
    struct remote *listener, *connector;
    struct peer *ours, *theirs;

    options.is_quiet = true;
    listener = fixture_listen_with(fixture, "punix:s", &options);
    free(TAKE_PTR(fixture->last_info)); // that it listens
    connector = fixture_listen_with(fixture, "unix:s", &options);
    RUN_UNTIL(fixture,
              (ours = peer_of(fixture, connector)) && (theirs = peer_of(fixture, listener)));
    if (fixture->last_info) {
        assert_null(strstr(fixture->last_info, "connected"));
    }
    free(TAKE_PTR(fixture->last_info));
    connection_close(theirs->connection, "enough");
    RUN_UNTIL(fixture, ours->n_closed && theirs->n_closed);
    assert_true(!fixture->last_info || strstr(fixture->last_info, "dialing again"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_kind),
        TEST(test_backoff_doubles),
        TEST(test_dials_until_somebody_listens_and_again),
        TEST(test_lasting_connection_resets_the_backoff),
        TEST(test_reconnect_dials_at_once),
        TEST(test_no_retry),
        TEST(test_freed_when_it_gives_up),
        TEST(test_name_that_does_not_exist),
        TEST(test_no_answer),
        TEST(test_probe_shows_as_idle),
        TEST(test_quiet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
