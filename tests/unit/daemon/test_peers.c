// SPDX-License-Identifier: Apache-2.0
// The connections between servers of a cluster: several servers with real sockets on one loop, and
// raw clients.
#include "tls_identity.h"
#include "unit.h"

#include "basic/counter.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "daemon/cluster/peers.h"
#include "net/address.h"
#include "net/tls/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT (30 * USEC_PER_SEC)
#define N_NODES 4

// A server.
struct node {
    struct net *net;
    struct peers *peers;
    char *address;
    struct uuid id;
    unsigned n_received, n_connected, n_disconnected, n_introduced, n_drained;
    struct uuid last_from, introduced_id, introduced_cluster;
    enum wire_kind last_kind;
    uint64_t next_offset; // of the part of a snapshot that is expected next
};

struct fixture {
    sd_event *event;
    struct node nodes[N_NODES];
    struct servers servers; // all nodes
    char folder[32];
    struct buf log; // warnings
};

static const struct uuid CLUSTER = {0xc1, 1};
static struct fixture *current; // for the sink of the log

#define RUN_UNTIL(fixture, condition)                                                              \
    do {                                                                                           \
        usec_t run_deadline_ = clock_monotonic() + TIMEOUT;                                        \
        while (!(condition)) {                                                                     \
            assert_true(clock_monotonic() < run_deadline_);                                        \
            assert_true(sd_event_run((fixture)->event, 10 * USEC_PER_MSEC) >= 0);                  \
        }                                                                                          \
    } while (0)

static void on_log(const struct log_record *record)
{
    if (record->level <= LOG_LEVEL_WARN) {
        buf_puts(&current->log, record->message);
        buf_putc(&current->log, '\n');
        assert_true(!strstr(record->message, "refus") || record->message_id);
    }
}

// How often the log has the text.
static unsigned logged(struct fixture *fixture, const char *text)
{
    const char *p = buf_cstr(&fixture->log);
    unsigned n = 0;

    while ((p = strstr(p, text))) {
        p += strlen(text);
        n++;
    }
    return n;
}

static void on_peer_message(void *userdata, struct uuid from, const struct wire_message *message)
{
    struct node *node = userdata;

    node->n_received++;
    node->last_from = from;
    node->last_kind = message->kind;
    if (message->kind == WIRE_SNAPSHOT_PART) {
        assert_int_equal(message->part.offset, node->next_offset);
        node->next_offset++;
    }
}

static void on_peer_connected(void *userdata, struct uuid peer, bool is_connected)
{
    struct node *node = userdata;

    assert_int_equal(peers_is_connected(node->peers, peer), is_connected);
    node->n_connected += is_connected;
    node->n_disconnected += !is_connected;
}

static void on_peer_drained(void *userdata, struct uuid peer)
{
    struct node *node = userdata;

    assert_true(peers_backlog(node->peers, peer) <= NET_BACKLOG_LOW);
    node->n_drained++;
}

static void on_peer_introduced(void *userdata, const struct wire_hello *hello)
{
    struct node *node = userdata;

    node->n_introduced++;
    node->introduced_id = hello->server_id;
    node->introduced_cluster = hello->cluster_id;
}

static const struct peers_handler handler = {on_peer_message, on_peer_connected, on_peer_introduced,
                                             on_peer_drained};

// An address of a port that is free.
static char *free_address(const char *format, int family)
{
    struct endpoint endpoint = {.size =
                                    family == AF_INET ? sizeof(endpoint.in) : sizeof(endpoint.in6)};
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char port[8];
    char *address = xstrdup(format);
    char *mark = strstr(address, "PORT");

    assert_true(fd >= 0 && mark);
    endpoint.sa.sa_family = (sa_family_t)family;
    if (family == AF_INET) {
        endpoint.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
        endpoint.in6.sin6_addr = in6addr_loopback;
    }
    assert_int_equal(bind(fd, &endpoint.sa, endpoint.size), 0);
    assert_int_equal(getsockname(fd, &endpoint.sa, &endpoint.size), 0);
    close(fd);
    snprintf(port, sizeof(port), "%u", address_port(&endpoint));
    *mark = '\0';
    mark = xasprintf("%s%s", address, port);
    free(address);
    return mark;
}

static void node_start_as(struct fixture *fixture, struct node *node,
                          const struct peers_settings *settings)
{
    node->net = net_new(fixture->event, &peers_net_handler, NULL);
    node->peers = peers_new(node->net, settings, &handler, node);
}

static struct peers_settings settings_of(const struct node *node)
{
    return (struct peers_settings){.name = "db",
                                   .cluster_id = CLUSTER,
                                   .server_id = node->id,
                                   .local_address = node->address,
                                   .max_backoff_ms = 10};
}

// Starts a server that listens and dials the other ones.
static void node_start(struct fixture *fixture, struct node *node)
{
    struct peers_settings settings = settings_of(node);

    node_start_as(fixture, node, &settings);
    assert_no_failure(peers_listen(node->peers));
    peers_set_servers(node->peers, &fixture->servers);
}

static void node_stop(struct node *node)
{
    peers_free(node->peers);
    net_free(node->net);
    node->peers = NULL;
    node->net = NULL;
}

static int setup(void **state)
{
    struct fixture *fixture = NEW(struct fixture);

    assert_true(sd_event_new(&fixture->event) >= 0);
    strcpy(fixture->folder, "/tmp/ovsdbd-peers-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    for (uint64_t i = 0; i < N_NODES; i++) {
        struct node *node = &fixture->nodes[i];

        node->address = free_address("tcp:127.0.0.1:PORT", AF_INET);
        node->id = (struct uuid){i + 1, 7};
        servers_add(&fixture->servers, node->id, node->address);
    }
    current = fixture;
    log_set_sink(on_log);
    log_module_get("cluster")->rate_limit_disabled = true;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < N_NODES; i++) {
        node_stop(&fixture->nodes[i]);
        free(fixture->nodes[i].address);
    }
    servers_done(&fixture->servers);
    sd_event_unref(fixture->event);
    rmdir(fixture->folder);
    buf_done(&fixture->log);
    free(fixture);
    return 0;
}

static bool is_connected(const struct node *from, const struct node *to)
{
    return peers_is_connected(from->peers, to->id);
}

static bool send_part(const struct node *from, const struct node *to, uint64_t number,
                      struct slice data)
{
    struct wire_message message = {.kind = WIRE_SNAPSHOT_PART};

    message.part = (struct wire_part){.index = 1, .offset = number, .data = data};
    return peers_send(from->peers, to->id, &message);
}

static bool send_kind(const struct node *from, const struct node *to, enum wire_kind kind)
{
    struct wire_message message = {.kind = kind};

    return peers_send(from->peers, to->id, &message);
}

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
        struct peers_settings settings = settings_of(node);

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
    struct peers_settings settings = settings_of(&nodes[1]);

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
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    _cleanup_buf_ struct buf data = {0}, hello = {0};
    struct wire_message message = {.kind = WIRE_HELLO};
    struct address address;
    struct endpoint endpoint;
    uint64_t n = 0;
    int fd = -1;

    assert_no_failure(address_parse(nodes[1].address, &address));
    assert_true(address_endpoint(&address, &endpoint));
    address_done(&address);
    assert_int_equal(bind(listener, &endpoint.sa, endpoint.size), 0);
    assert_int_equal(listen(listener, 1), 0);
    fcntl(listener, F_SETFL, O_NONBLOCK);
    node_start(fixture, &nodes[0]);
    RUN_UNTIL(fixture, (fd = accept(listener, NULL, NULL)) >= 0);
    message.hello = (struct wire_hello){WIRE_VERSION, "db", CLUSTER, nodes[1].id, "tcp:[::1]:1"};
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

// Starts two servers, the second one with other settings, and waits until they have logged `n`
// times why they do not connect: not at each attempt.
static void check_refusal(struct fixture *fixture, const struct peers_settings *settings,
                          const char *reason, unsigned n)
{
    struct node *nodes = fixture->nodes;
    const struct counter *refused = counter_find("cluster_peers_refused");
    unsigned n_before = logged(fixture, reason);
    struct peer_state peer;
    uint64_t attempts;
    size_t position = 0;

    node_start(fixture, &nodes[0]);
    node_start_as(fixture, &nodes[1], settings);
    peers_set_servers(nodes[1].peers, &fixture->servers);
    RUN_UNTIL(fixture, logged(fixture, reason) >= n_before + n);
    attempts = refused->value;
    RUN_UNTIL(fixture, refused->value >= attempts + 2); // of the next attempt
    assert_int_equal(logged(fixture, reason), n_before + n);
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
    struct peers_settings settings = settings_of(&fixture->nodes[1]);

    settings.name = "other";
    check_refusal(fixture, &settings, "serves the database \"other\", not \"db\"", 2);
    settings = settings_of(&fixture->nodes[1]);
    settings.cluster_id = (struct uuid){0xc2, 2};
    check_refusal(fixture, &settings,
                  "server 00000000-0000-0002-0000-000000000007 belongs to the cluster "
                  "00000000-0000-00c2-0000-000000000002, not to "
                  "00000000-0000-00c1-0000-000000000001",
                  2);
    settings = settings_of(&fixture->nodes[1]);
    settings.server_id = (struct uuid){9, 9};
    check_refusal(fixture, &settings,
                  "server 00000000-0000-0009-0000-000000000009 is not a member of the cluster", 2);
    settings = settings_of(&fixture->nodes[1]);
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
    RUN_UNTIL(fixture, logged(fixture,
                              "has the ID 00000000-0000-0003-0000-000000000007, not "
                              "00000000-0000-0002-0000-000000000007") >= 2);
    RUN_UNTIL(fixture, is_connected(&nodes[0], &nodes[2]));
    assert_false(is_connected(&nodes[0], &nodes[1]));
}

// A server that knows addresses only is introduced, accepted and answered; then it is a member.
static void test_join(void **state)
{
    struct fixture *fixture = *state;
    struct node *nodes = fixture->nodes;
    struct peers_settings settings = settings_of(&nodes[3]);
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
    RUN_UNTIL(fixture, logged(fixture, "is not a member of the cluster") == 4);
    assert_int_equal(nodes[3].n_introduced, 0);
    peers_set_accepts_others(nodes[0].peers, true);
    RUN_UNTIL(fixture, nodes[3].n_introduced == 1 && nodes[3].n_connected == 1);
    assert_true(uuid_equals(nodes[3].introduced_id, nodes[0].id));
    assert_true(uuid_equals(nodes[3].introduced_cluster, CLUSTER));
    peers_set_cluster_id(nodes[3].peers, CLUSTER);
    assert_true(send_kind(&nodes[3], &nodes[0], WIRE_JOIN));
    RUN_UNTIL(fixture, nodes[0].n_received == 1);
    assert_true(uuid_equals(nodes[0].last_from, nodes[3].id));
    assert_true(send_part(&nodes[0], &nodes[3], 0, SLICE("a")));
    RUN_UNTIL(fixture, nodes[3].next_offset == 1);
    assert_true(uuid_equals(nodes[3].last_from, nodes[0].id));
    for (int i = 0; i < 4; i++) {
        nodes[i].n_connected = 0;
    }
    peers_set_servers(nodes[0].peers, &fixture->servers);
    peers_set_servers(nodes[1].peers, &fixture->servers);
    assert_true(is_connected(&nodes[0], &nodes[3])); // as before, until it is dialed
    RUN_UNTIL(fixture, nodes[0].n_connected == 1 && nodes[1].n_connected == 1);
    assert_true(send_part(&nodes[0], &nodes[3], 1, SLICE("b")));
    RUN_UNTIL(fixture, nodes[3].next_offset == 2);
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
    RUN_UNTIL(fixture, logged(fixture, "is not a member of the cluster") == 2);
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

static int dial_raw(const struct node *node)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct address address;
    struct endpoint endpoint;

    assert_no_failure(address_parse(node->address, &address));
    assert_true(address_endpoint(&address, &endpoint));
    address_done(&address);
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
    hello.hello = (struct wire_hello){WIRE_VERSION, "db", CLUSTER, nodes[1].id, nodes[1].address};
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
    struct peers_settings settings = settings_of(&nodes[0]);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct address address;
    struct endpoint endpoint;
    int fd;

    assert_no_failure(address_parse(nodes[1].address, &address));
    assert_true(address_endpoint(&address, &endpoint));
    address_done(&address);
    assert_int_equal(bind(listener, &endpoint.sa, endpoint.size), 0);
    assert_int_equal(listen(listener, 1), 0);
    settings.hello_timeout = 50 * USEC_PER_MSEC;
    node_start_as(fixture, &nodes[0], &settings);
    assert_no_failure(peers_listen(nodes[0].peers));
    fd = dial_raw(&nodes[0]);
    peers_set_servers(nodes[0].peers, &fixture->servers);
    RUN_UNTIL(fixture, logged(fixture, "no hello has arrived in time") == 1 &&
                           logged(fixture, "the hello was not answered in time") == 1);
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
    struct peers_settings settings = settings_of(node);

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
    RUN_UNTIL(fixture, logged(fixture, "is signed by itself and not in") > 0);
    node_stop(&nodes[1]);
    // A server that does not verify the other one refuses it.
    free(unverified.ca_cert);
    unverified.ca_cert = xstrdup("none");
    node_stop(&nodes[0]);
    buf_clear(&fixture->log);
    node_start_tls(fixture, &nodes[0], &unverified);
    node_start_tls(fixture, &nodes[1], &unverified);
    RUN_UNTIL(fixture, logged(fixture, "its certificate is not verified") >= 2);
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

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(three),        TEST(ipv6),         TEST(bad_local_address),
        TEST(listen_again), TEST(restart),      TEST(order),
        TEST(limits),       TEST(refusals),     TEST(other_server),
        TEST(join),         TEST(removal),      TEST(new_address),
        TEST(strangers),    TEST(newest_wins),  TEST(hello_timeout),
        TEST(tls),          TEST(tls_stranger),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
