// SPDX-License-Identifier: Apache-2.0
// Connections between servers of a cluster that are refused: wrong servers, raw clients,
// certificates.
#include "peers_fixture.h"
#include "tls_identity.h"

#include "basic/counter.h"
#include "net/tls/options.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

// Starts two servers, the second one with other settings, and waits until they have logged `n`
// times why they do not connect: not at each attempt.
static void check_refusal(struct fixture *fixture, const struct peers_settings *settings,
                          const char *reason, unsigned n)
{
    struct node *nodes = fixture->nodes;
    const struct counter *refused = counter_find("cluster_peers_refused");
    unsigned n_before = fixture_logged(fixture, reason);
    struct peer_state peer;
    uint64_t attempts;
    size_t position = 0;

    node_start(fixture, &nodes[0]);
    node_start_as(fixture, &nodes[1], settings);
    peers_set_servers(nodes[1].peers, &fixture->servers);
    RUN_UNTIL(fixture, fixture_logged(fixture, reason) >= n_before + n);
    attempts = refused->value;
    RUN_UNTIL(fixture, refused->value >= attempts + 2); // of the next attempt
    assert_int_equal(fixture_logged(fixture, reason), n_before + n);
    assert_false(is_connected(&nodes[0], &nodes[1]) || is_connected(&nodes[1], &nodes[0]));
    assert_int_equal(nodes[0].n_connected + nodes[1].n_connected, 0);
    assert_true(peers_next(nodes[1].peers, &position, &peer));
    assert_non_null(peer.failure);
    node_stop(&nodes[0]);
    node_stop(&nodes[1]);
}

static void test_refusals(void **state)
{
    struct fixture *fixture = *state;
    struct peers_settings settings = node_settings(&fixture->nodes[1]);

    settings.name = "other";
    check_refusal(fixture, &settings, "serves the database \"other\", not \"db\"", 2);
    settings = node_settings(&fixture->nodes[1]);
    settings.cluster_id = (struct uuid){0xc2, 2};
    check_refusal(fixture, &settings,
                  "server 00000000-0000-0002-0000-000000000007 belongs to the cluster "
                  "00000000-0000-00c2-0000-000000000002, not to "
                  "00000000-0000-00c1-0000-000000000001",
                  2);
    settings = node_settings(&fixture->nodes[1]);
    settings.server_id = (struct uuid){9, 9};
    check_refusal(fixture, &settings,
                  "server 00000000-0000-0009-0000-000000000009 is not a member of the cluster", 2);
    settings = node_settings(&fixture->nodes[1]);
    // A copy of the first server's file. Another member has the address of the first server, which
    // therefore dials itself, too.
    settings.server_id = fixture->nodes[0].id;
    servers_add(&fixture->servers, (struct uuid){5, 5}, fixture->nodes[0].address);
    check_refusal(fixture, &settings,
                  "both servers have the ID 00000000-0000-0001-0000-000000000007", 4);
}

// The server at the address of a member has the id of another member.
static void test_other_server(void **state)
{
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;

    servers_add(&fixture->servers, nodes[1].id, nodes[2].address);
    nodes[2].n_connected = 0;
    node_start(fixture, &nodes[2]);
    node_start(fixture, &nodes[0]);
    RUN_UNTIL(fixture, fixture_logged(fixture,
                                      "has the ID 00000000-0000-0003-0000-000000000007, not "
                                      "00000000-0000-0002-0000-000000000007") >= 2);
    RUN_UNTIL(fixture, is_connected(&nodes[0], &nodes[2]));
    assert_false(is_connected(&nodes[0], &nodes[1]));
}

static int dial_raw(const struct node *node)
{
    struct endpoint endpoint = node_endpoint(node);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, &endpoint.sa, endpoint.size), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

// Appends what has arrived. False at the end of the stream.
static bool take_raw(int fd, struct buf *buf)
{
    ssize_t n = recv(fd, buf_reserve(buf, 65536), 65536, 0);

    if (n > 0) {
        buf->size += (size_t)n;
    }
    return n > 0 || (n < 0 && errno == EAGAIN);
}

// A client that sends `text` is closed, and told why unless `reason` is NULL.
static void check_stranger(struct fixture *fixture, const char *text, const char *reason)
{
    int fd = dial_raw(&fixture->nodes[0]);
    _cleanup_buf_ struct buf answer = {0};
    bool is_open = true;

    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    RUN_UNTIL(fixture, !(is_open = is_open && take_raw(fd, &answer)));
    if (reason && !strstr(buf_cstr(&answer), reason)) {
        fail_msg("\"%s\" is not in \"%s\"", reason, buf_cstr(&answer));
    }
    close(fd);
}

static void test_strangers(void **state)
{
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;
    _cleanup_buf_ struct buf long_text = {0};

    node_start(fixture, &nodes[0]);
    node_start(fixture, &nodes[1]);
    check_stranger(fixture, "GET / HTTP/1.1\r\n\r\n", NULL);
    check_stranger(fixture, "\x16\x03\x01", NULL);
    check_stranger(fixture, "{\"id\":0,\"method\":\"list_dbs\",\"params\":[]}",
                   "a notification is expected");
    check_stranger(fixture, "{\"id\":\"echo\",\"method\":\"echo\",\"params\":[]}",
                   "a notification is expected");
    check_stranger(fixture, "{\"id\":null,\"method\":\"join\",\"params\":[{}]}",
                   "the first message is not a hello");
    check_stranger(fixture, "{\"id\":null,\"method\":\"x\",\"params\":[{}]}",
                   "unknown message \\\"x\\\"");
    check_stranger(fixture, "{\"id\":null,\"method\":\"hello\",\"params\":[{\"version\":2}]}",
                   "the peer speaks version 2 of the cluster protocol, not version 1");
    check_stranger(fixture, "{\"id\":null,\"method\":\"hello\",\"params\":[{\"version\":1}]}",
                   "must have the member \\\"");
    check_stranger(fixture, "{\"id\":null,\"method\":\"refused\",\"params\":[{\"reason\":\"x\"}]}",
                   NULL);
    buf_puts(&long_text, "{\"id\":null,\"method\":\"hello\",\"params\":[\"");
    while (long_text.size < 70000) {
        buf_puts(&long_text, "0123456789");
    }
    buf_puts(&long_text, "\"]}");
    check_stranger(fixture, buf_cstr(&long_text), NULL);
    RUN_UNTIL(fixture, is_connected(&nodes[0], &nodes[1]) && is_connected(&nodes[1], &nodes[0]));
    assert_int_equal(nodes[0].n_received, 0);
    assert_int_equal(nodes[0].n_disconnected, 0);
}

// A second connection with the id of a server ends the first one.
static void test_newest_wins(void **state)
{
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;
    struct wire_message hello = {.kind = WIRE_HELLO}, join = {.kind = WIRE_JOIN};
    _cleanup_buf_ struct buf first = {0}, text = {0}, second = {0};
    bool is_open = true;
    int fds[2];

    node_start(fixture, &nodes[0]);
    hello.hello =
        (struct wire_hello){WIRE_VERSION, "db", fixture_cluster, nodes[1].id, nodes[1].address};
    wire_put(&text, &hello);
    fds[0] = dial_raw(&nodes[0]);
    assert_int_equal(send(fds[0], text.data, text.size, 0), text.size);
    RUN_UNTIL(fixture, take_raw(fds[0], &first) && first.size);
    wire_put(&text, &join);
    fds[1] = dial_raw(&nodes[0]);
    assert_int_equal(send(fds[1], text.data, text.size, 0), text.size);
    RUN_UNTIL(fixture, !(is_open = is_open && take_raw(fds[0], &first)));
    RUN_UNTIL(fixture, nodes[0].n_received == 1);
    assert_true(take_raw(fds[1], &second) && second.size);
    assert_non_null(strstr(buf_cstr(&second), "\"hello\""));
    assert_int_equal(send(fds[1], text.data, text.size, 0), text.size); // one more hello
    RUN_UNTIL(fixture, !take_raw(fds[1], &second));
    assert_non_null(strstr(buf_cstr(&second), "a second hello"));
    close(fds[0]);
    close(fds[1]);
}

// Neither side waits forever for the hello of the other.
static void test_hello_timeout(void **state)
{
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;
    struct peers_settings settings = node_settings(&nodes[0]);
    int listener = node_imitate(&nodes[1]);
    int fd;

    settings.hello_timeout = 50 * USEC_PER_MSEC;
    node_start_as(fixture, &nodes[0], &settings);
    assert_no_failure(peers_listen(nodes[0].peers));
    fd = dial_raw(&nodes[0]);
    peers_set_servers(nodes[0].peers, &fixture->servers);
    RUN_UNTIL(fixture, fixture_logged(fixture, "no hello has arrived in time") == 1 &&
                           fixture_logged(fixture, "the hello was not answered in time") == 1);
    close(fd);
    close(listener);
}

// TLS options with a new key. `ca`: that of another call; NULL: its own.
static struct tls_options make_tls(struct fixture *fixture, const char *name, const char *ca)
{
    struct tls_options options = {
        .private_key = xasprintf("%s/%s.key", fixture->folder, name),
        .certificate = xasprintf("%s/%s.pem", fixture->folder, name),
    };

    tls_identity_make(options.private_key, options.certificate, name);
    options.ca_cert = xstrdup(ca ? ca : options.certificate);
    return options;
}

static void drop_tls(struct tls_options *options)
{
    unlink(options->private_key);
    unlink(options->certificate);
    tls_options_done(options);
}

static void use_ssl_addresses(struct fixture *fixture)
{
    servers_done(&fixture->servers);
    for (int i = 0; i < 2; i++) {
        free(fixture->nodes[i].address);
        fixture->nodes[i].address = free_address("ssl:127.0.0.1:PORT", AF_INET);
        servers_add(&fixture->servers, fixture->nodes[i].id, fixture->nodes[i].address);
    }
}

static void node_start_tls(struct fixture *fixture, struct node *node,
                           const struct tls_options *options)
{
    struct peers_settings settings = node_settings(node);

    node_start_as(fixture, node, &settings);
    if (options) {
        assert_no_failure(net_set_tls(node->net, options));
        assert_no_failure(peers_listen(node->peers));
    } else {
        assert_failure(peers_listen(node->peers), ENOPROTOOPT, "TLS needs");
    }
    peers_set_servers(node->peers, &fixture->servers);
}

static void test_tls(void **state)
{
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;
    struct tls_options ours = make_tls(fixture, "ours", NULL);
    struct tls_options theirs = make_tls(fixture, "theirs", NULL);
    struct tls_options unverified = tls_options_copy(&theirs);

    use_ssl_addresses(fixture);
    // Without options at first: they are used as soon as they are set.
    node_start_tls(fixture, &nodes[0], NULL);
    assert_no_failure(net_set_tls(nodes[0].net, &ours));
    assert_no_failure(peers_listen(nodes[0].peers));
    node_start_tls(fixture, &nodes[1], &ours);
    RUN_UNTIL(fixture, is_connected(&nodes[0], &nodes[1]) && is_connected(&nodes[1], &nodes[0]));
    node_stop(&nodes[1]);
    // Another CA.
    RUN_UNTIL(fixture, nodes[0].n_disconnected == 1);
    nodes[0].n_connected = nodes[1].n_connected = 0;
    buf_clear(&fixture->log);
    node_start_tls(fixture, &nodes[1], &theirs);
    RUN_UNTIL(fixture, fixture_logged(fixture, "is signed by itself and not in") > 0);
    node_stop(&nodes[1]);
    // A server that does not verify the other one refuses it.
    free(unverified.ca_cert);
    unverified.ca_cert = xstrdup("none");
    node_stop(&nodes[0]);
    buf_clear(&fixture->log);
    node_start_tls(fixture, &nodes[0], &unverified);
    node_start_tls(fixture, &nodes[1], &unverified);
    RUN_UNTIL(fixture, fixture_logged(fixture, "its certificate is not verified") >= 2);
    assert_int_equal(nodes[0].n_connected + nodes[1].n_connected, 0);
    drop_tls(&ours);
    drop_tls(&theirs);
    tls_options_done(&unverified);
}

// A client without TLS at an ssl address.
static void test_tls_stranger(void **state)
{
    struct fixture *fixture = *state;
    struct tls_options ours = make_tls(fixture, "ours", NULL);

    use_ssl_addresses(fixture);
    node_start_tls(fixture, &fixture->nodes[0], &ours);
    check_stranger(fixture, "{\"id\":null,\"method\":\"hello\",\"params\":[{}]}", NULL);
    drop_tls(&ours);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, peers_setup, peers_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(refusals),      TEST(other_server), TEST(strangers),    TEST(newest_wins),
        TEST(hello_timeout), TEST(tls),          TEST(tls_stranger),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
