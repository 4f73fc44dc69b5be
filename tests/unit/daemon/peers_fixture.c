// SPDX-License-Identifier: Apache-2.0
#include "peers_fixture.h"

#include "basic/log.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

const struct uuid fixture_cluster = {0xc1, 1};

static struct fixture *current; // for the sink of the log

static void on_log(const struct log_record *record)
{
    if (record->level <= LOG_LEVEL_WARN) {
        buf_puts(&current->log, record->message);
        buf_putc(&current->log, '\n');
        assert_true(!strstr(record->message, "refus") || record->message_id);
    }
}

unsigned fixture_logged(struct fixture *fixture, const char *text)
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

char *free_address(const char *format, int family)
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

void node_start_as(struct fixture *fixture, struct node *node,
                   const struct peers_settings *settings)
{
    node->net = net_new(fixture->event, &peers_net_handler, NULL);
    node->peers = peers_new(node->net, settings, &handler, node);
}

struct peers_settings node_settings(const struct node *node)
{
    return (struct peers_settings){.name = "db",
                                   .cluster_id = fixture_cluster,
                                   .server_id = node->id,
                                   .local_address = node->address,
                                   .max_backoff_ms = 10};
}

void node_start(struct fixture *fixture, struct node *node)
{
    struct peers_settings settings = node_settings(node);

    node_start_as(fixture, node, &settings);
    assert_no_failure(peers_listen(node->peers));
    peers_set_servers(node->peers, &fixture->servers);
}

void node_stop(struct node *node)
{
    peers_free(node->peers);
    net_free(node->net);
    node->peers = NULL;
    node->net = NULL;
}

struct endpoint node_endpoint(const struct node *node)
{
    struct address address;
    struct endpoint endpoint;

    assert_no_failure(address_parse(node->address, &address));
    assert_true(address_endpoint(&address, &endpoint));
    address_done(&address);
    return endpoint;
}

int node_imitate(const struct node *node)
{
    struct endpoint endpoint = node_endpoint(node);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_int_equal(bind(fd, &endpoint.sa, endpoint.size), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

int peers_setup(void **state)
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

int peers_teardown(void **state)
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

bool is_connected(const struct node *from, const struct node *to)
{
    return peers_is_connected(from->peers, to->id);
}

bool send_part(const struct node *from, const struct node *to, uint64_t number, struct slice data)
{
    struct wire_message message = {.kind = WIRE_SNAPSHOT_PART};

    message.part = (struct wire_part){.index = 1, .offset = number, .data = data};
    return peers_send(from->peers, to->id, &message);
}

bool send_kind(const struct node *from, const struct node *to, enum wire_kind kind)
{
    struct wire_message message = {.kind = kind};

    return peers_send(from->peers, to->id, &message);
}
