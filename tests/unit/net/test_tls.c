// SPDX-License-Identifier: Apache-2.0
// TLS between a listener and a connector of one net, which share a certificate made here.
#include "net/tls/tls_config.h"
#include "net_fixture.h"
#include "tls_identity.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static struct tls_options options_in(struct net_fixture *fixture)
{
    return (struct tls_options){
        .private_key = fixture_path(fixture, "key.pem"),
        .certificate = fixture_path(fixture, "cert.pem"),
        .ca_cert = fixture_path(fixture, "cert.pem"),
    };
}

static void remove_files(struct tls_options *options)
{
    unlink(options->private_key);
    unlink(options->certificate);
    tls_options_done(options);
}

// Sets TLS options with a certificate for "me".
static struct tls_options configure(struct net_fixture *fixture)
{
    struct tls_options options = options_in(fixture);

    tls_identity_make(options.private_key, options.certificate, "me");
    assert_no_failure(net_set_tls(fixture->net, &options));
    return options;
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

static struct remote *dial(struct net_fixture *fixture, const struct remote *listener)
{
    _cleanup_free_ char *target = xasprintf("ssl:127.0.0.1:%u", remote_bound_port(listener));

    return fixture_listen(fixture, target);
}

static void test_needs_options(void **state)
{
    struct net_fixture *fixture = *state;
    const struct remote_options options = REMOTE_OPTIONS_DEFAULT;
    struct remote *remote;

    assert_failure(remote_new(fixture->net, "pssl:0", &options, NULL, &remote), ENOPROTOOPT,
                   "pssl:0: TLS needs --private-key");
}

static void test_both_ends(void **state)
{
    struct net_fixture *fixture = *state;
    struct tls_options options = configure(fixture);
    struct remote *listener = fixture_listen(fixture, "pssl:0:127.0.0.1");
    struct remote *connector = dial(fixture, listener);
    _cleanup_buf_ struct buf big = {0};
    struct peer *ours, *theirs;

    RUN_UNTIL(fixture,
              (ours = peer_of(fixture, connector)) && (theirs = peer_of(fixture, listener)));
    assert_string_equal(connection_peer_cn(ours->connection), "me");
    assert_string_equal(connection_peer_cn(theirs->connection), "me");
    assert_true(connection_is_verified(ours->connection));
    assert_true(connection_is_verified(theirs->connection));
    assert_true(!strncmp(theirs->name, "ssl:127.0.0.1:", 14));
    // More than the kernel accepts at once, in pieces that differ from TLS records.
    buf_puts(&big, "[\"");
    while (big.size < 3000001) {
        buf_puts(&big, "0123456789");
    }
    buf_puts(&big, "\"]");
    for (int i = 0; i < 3; i++) {
        connection_send(ours->connection, SLICE("[1]"), POSITION_NONE);
        connection_send(ours->connection, buf_slice(&big), POSITION_NONE);
    }
    connection_send(theirs->connection, SLICE("[2]"), POSITION_NONE);
    RUN_UNTIL(fixture, ours->n_messages == 1 && theirs->n_messages == 6);
    assert_int_equal(theirs->messages.size, 3 * (big.size + 1 + 4));
    assert_memory_equal(theirs->messages.data + 4, big.data, big.size);
    connection_close(ours->connection, "enough");
    RUN_UNTIL(fixture, theirs->n_closed);
    assert_string_equal(theirs->reason, "connection closed by peer");
    remove_files(&options);
}

static void test_alternative_names(void **state)
{
    static const char *const expected[] = {"DNS:me.example", "URI:urn:me", "IP:10.0.0.1", NULL};
    struct net_fixture *fixture = *state;
    struct tls_options options = configure(fixture);
    struct remote *connector = dial(fixture, fixture_listen(fixture, "pssl:0:127.0.0.1"));
    const char *const *names;
    struct peer *peer;

    RUN_UNTIL(fixture, (peer = peer_of(fixture, connector)));
    names = connection_peer_sans(peer->connection);
    for (size_t i = 0; i < ARRAY_SIZE(expected) - 1; i++) {
        assert_string_equal(names[i], expected[i]);
    }
    assert_null(names[ARRAY_SIZE(expected) - 1]);
    remove_files(&options);
}

// One record contains more messages than one turn handles.
static void test_many_in_one_record(void **state)
{
    struct net_fixture *fixture = *state;
    struct tls_options options = configure(fixture);
    struct remote *listener = fixture_listen(fixture, "pssl:0:127.0.0.1");
    struct remote *connector = dial(fixture, listener);
    struct peer *ours, *theirs;

    RUN_UNTIL(fixture,
              (ours = peer_of(fixture, connector)) && (theirs = peer_of(fixture, listener)));
    for (int i = 0; i < 5 * NET_INPUT_BATCH; i++) {
        connection_send(ours->connection, SLICE("[1]"), POSITION_NONE);
    }
    RUN_UNTIL(fixture, theirs->n_messages == 5 * NET_INPUT_BATCH);
    remove_files(&options);
}

static void test_silence_is_cut(void **state)
{
    struct net_fixture *fixture = *state;
    struct tls_options options = configure(fixture);
    struct remote *listener;
    struct remote_status status;
    _cleanup_buf_ struct buf rest = {0};
    int fd;

    fixture->net->handshake_usec = 50 * USEC_PER_MSEC;
    listener = fixture_listen(fixture, "pssl:0:127.0.0.1");
    fd = fixture_dial(listener);
    client_put(fixture, fd, SLICE("\x16\x03\x01"));
    RUN_UNTIL(fixture, !client_take(fd, &rest));
    remote_status(listener, &status);
    assert_string_equal(status.last_error, "TLS: the handshake took longer than 0.05 seconds");
    assert_int_equal(fixture->n_peers, 0);
    free(TAKE_PTR(fixture->log)); // it says so too
    close(fd);
    remove_files(&options);
}

// Clients that stall in the handshake do not exclude others.
static void test_oldest_makes_room(void **state)
{
    struct net_fixture *fixture = *state;
    struct tls_options options = configure(fixture);
    struct remote *listener = fixture_listen(fixture, "pssl:0:127.0.0.1");
    _cleanup_buf_ struct buf rest = {0};
    struct remote *connector;
    int fds[4];

    fixture->net->limits.max_handshakes = ARRAY_SIZE(fds);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = fixture_dial(listener);
        RUN_UNTIL(fixture, fixture->net->n_handshakes == i + 1);
    }
    connector = dial(fixture, listener);
    RUN_UNTIL(fixture, peer_of(fixture, connector) && peer_of(fixture, listener));
    // The last connection has two handshakes in this net, one for each end.
    for (size_t i = 0; i < 2; i++) {
        RUN_UNTIL(fixture, !client_take(fds[i], &rest));
    }
    assert_int_equal(fixture->net->n_handshakes, 2);
    assert_non_null(strstr(fixture->log, "too many handshakes are in progress"));
    free(TAKE_PTR(fixture->log));
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        close(fds[i]);
    }
    remove_files(&options);
}

// Connections are served after each step of a handshake, however many handshakes are ready.
static void test_connections_come_in_between(void **state)
{
    struct net_fixture *fixture = *state;
    struct tls_options options = configure(fixture);
    struct remote *plain = fixture_listen(fixture, "ptcp:0:127.0.0.1");
    struct remote *listener = fixture_listen(fixture, "pssl:0:127.0.0.1");
    int fd = fixture_dial(plain);
    int fds[32];

    RUN_UNTIL(fixture, fixture->n_peers == 1);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = fixture_dial(listener);
        RUN_UNTIL(fixture, fixture->net->n_handshakes == i + 1);
    }
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        assert_int_equal(write(fds[i], "?", 1), 1); // one step: it is refused
    }
    assert_int_equal(write(fd, "[1]", 3), 3);
    RUN_UNTIL(fixture, fixture->peers[0]->n_messages);
    assert_true(fixture->net->n_handshakes >= ARRAY_SIZE(fds) - 2);
    RUN_UNTIL(fixture, !fixture->net->n_handshakes);
    assert_non_null(strstr(fixture->log, "the peer does not speak TLS"));
    free(TAKE_PTR(fixture->log));
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        close(fds[i]);
    }
    close(fd);
    remove_files(&options);
}

static ssize_t push_into(gnutls_transport_ptr_t userdata, const void *data, size_t size)
{
    buf_put(userdata, data, size);
    return (ssize_t)size;
}

static ssize_t pull_nothing(gnutls_transport_ptr_t userdata, void *data, size_t size)
{
    errno = EAGAIN;
    return -1;
}

// A ClientHello.
static void make_hello(struct buf *hello)
{
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;

    gnutls_certificate_allocate_credentials(&credentials);
    gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_ptr(session, hello);
    gnutls_transport_set_push_function(session, push_into);
    gnutls_transport_set_pull_function(session, pull_nothing);
    assert_int_equal(gnutls_handshake(session), GNUTLS_E_AGAIN);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
}

// The first of many handshakes finish before the others begin.
static void test_begun_comes_to_its_end(void **state)
{
    struct net_fixture *fixture = *state;
    struct tls_options options = configure(fixture);
    struct remote *listener = fixture_listen(fixture, "pssl:0:127.0.0.1");
    struct remote *connector = dial(fixture, listener);
    _cleanup_buf_ struct buf hello = {0};
    unsigned n_begun = 0;
    int fds[32];

    make_hello(&hello);
    RUN_UNTIL(fixture, fixture->net->n_handshakes == 2); // both ends
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = fixture_dial(listener);
        client_put(fixture, fds[i], (struct slice){hello.data, hello.size});
    }
    RUN_UNTIL(fixture, peer_of(fixture, connector) && peer_of(fixture, listener));
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        _cleanup_buf_ struct buf answer = {0};

        assert_true(client_take(fds[i], &answer));
        n_begun += answer.size > 0;
        close(fds[i]);
    }
    assert_true(n_begun < ARRAY_SIZE(fds) / 2);
    RUN_UNTIL(fixture, !fixture->net->n_handshakes);
    remove_files(&options);
}

// The listener is freed during a handshake.
static void test_listener_is_freed(void **state)
{
    struct net_fixture *fixture = *state;
    struct tls_options options = configure(fixture);
    struct remote *listener = fixture_listen(fixture, "pssl:0:127.0.0.1");
    _cleanup_buf_ struct buf rest = {0};
    int fd = fixture_dial(listener);

    fixture_settle(fixture);
    remote_free(listener);
    RUN_UNTIL(fixture, !client_take(fd, &rest));
    assert_int_equal(fixture->n_peers, 0);
    close(fd);
    remove_files(&options);
}

static void test_bad_reload_keeps_the_old(void **state)
{
    struct net_fixture *fixture = *state;
    struct tls_options options = configure(fixture);
    struct remote *listener = fixture_listen(fixture, "pssl:0:127.0.0.1");
    struct remote *connector;
    struct peer *ours;

    assert_int_equal(truncate(options.certificate, 0), 0);
    net_reload_tls(fixture->net);
    assert_non_null(strstr(fixture->log, "TLS keeps using the previous files"));
    free(TAKE_PTR(fixture->log));
    connector = dial(fixture, listener);
    RUN_UNTIL(fixture, (ours = peer_of(fixture, connector)));
    assert_string_equal(connection_peer_cn(ours->connection), "me");
    tls_identity_make(options.private_key, options.certificate, "me again");
    net_reload_tls(fixture->net);
    connector = dial(fixture, listener);
    RUN_UNTIL(fixture, (ours = peer_of(fixture, connector)));
    assert_string_equal(connection_peer_cn(ours->connection), "me again");
    remove_files(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_needs_options, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_both_ends, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_alternative_names, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_many_in_one_record, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_silence_is_cut, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_oldest_makes_room, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_connections_come_in_between, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_begun_comes_to_its_end, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_listener_is_freed, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bad_reload_keeps_the_old, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
