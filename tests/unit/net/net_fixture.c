// SPDX-License-Identifier: Apache-2.0
#include "net_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

static struct net_fixture *current; // for the log's sink

static void on_log(const struct log_record *record)
{
    char *log;

    if (record->level == LOG_LEVEL_INFO && current) {
        free(current->last_info);
        current->last_info = xstrdup(record->message);
    } else if (record->level <= LOG_LEVEL_WARN && current) {
        log = xasprintf("%s%s\n", current->log ? current->log : "", record->message);
        free(current->log);
        current->log = log;
    }
}

static struct net_fixture *fixture_of(struct connection *connection)
{
    return remote_userdata(connection_remote(connection));
}

static void on_opened(struct connection *connection)
{
    struct net_fixture *fixture = fixture_of(connection);
    struct peer *peer = NEW(struct peer);

    peer->connection = connection;
    peer->remote = connection_remote(connection);
    peer->name = xstrdup(connection_name(connection));
    assert_true(fixture->n_peers < FIXTURE_MAX_PEERS);
    fixture->peers[fixture->n_peers++] = peer;
    fixture->n_open++;
    connection_set_userdata(connection, peer);
    if (fixture->on_opened) {
        fixture->on_opened(fixture, peer);
    }
}

static void on_message(struct connection *connection, struct slice text)
{
    struct net_fixture *fixture = fixture_of(connection);
    struct peer *peer = connection_userdata(connection);

    assert_int_equal(peer->n_closed, 0);
    buf_put_slice(&peer->messages, text);
    buf_putc(&peer->messages, '\n');
    peer->n_messages++;
    if (fixture->echoes) {
        connection_send(connection, text, POSITION_NONE);
    }
    if (fixture->on_message) {
        fixture->on_message(fixture, peer, text);
    }
}

static void on_drained(struct connection *connection)
{
    struct peer *peer = connection_userdata(connection);

    assert_int_equal(peer->n_closed, 0);
    peer->n_drained++;
}

static void on_closed(struct connection *connection, const char *reason)
{
    struct net_fixture *fixture = fixture_of(connection);
    struct peer *peer = connection_userdata(connection);

    peer->n_closed++;
    peer->connection = NULL;
    peer->reason = xstrdup(reason);
    fixture->n_open--;
    if (fixture->on_closed) {
        fixture->on_closed(fixture, peer);
    }
}

static void on_gave_up(struct remote *remote, const char *error)
{
    struct net_fixture *fixture = remote_userdata(remote);

    fixture->n_gave_up++;
    free(fixture->gave_up_error);
    fixture->gave_up_error = xstrdup(error);
    if (fixture->on_gave_up) {
        fixture->on_gave_up(fixture, remote);
    }
}

static const struct net_handler handler = {on_opened, on_message, on_drained, on_closed,
                                           on_gave_up};

static unsigned count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    assert_non_null(dir);
    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n;
}

struct position fixture_position(struct net_fixture *fixture, uint64_t value)
{
    while (fixture->positions.issued < value) {
        positions_issue(&fixture->positions);
    }
    return value ? (struct position){&fixture->positions, value} : POSITION_NONE;
}

int fixture_setup(void **state)
{
    struct net_fixture *fixture = NEW(struct net_fixture);

    fixture->n_fds_before = count_fds();
    fixture->folder = xstrdup("/tmp/ovsdbd-net-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    setenv("OVS_RUNDIR", fixture->folder, 1);
    assert_true(sd_event_new(&fixture->event) >= 0);
    fixture->net = net_new(fixture->event, &handler, fixture);
    positions_init(&fixture->positions);
    current = fixture;
    log_set_sink(on_log);
    *state = fixture;
    return 0;
}

// Removes a folder and what the tests have put there.
static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        _cleanup_free_ char *name = xasprintf("%s/%s", path, entry->d_name);

        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) {
            continue;
        }
        if (entry->d_type == DT_DIR) {
            remove_folder(name);
        } else {
            unlink(name);
        }
    }
    closedir(dir);
    rmdir(path);
}

int fixture_teardown(void **state)
{
    struct net_fixture *fixture = *state;
    usec_t deadline = clock_monotonic() + FIXTURE_TIMEOUT;

    net_free(fixture->net);
    positions_done(&fixture->positions);
    assert_int_equal(fixture->n_open, 0);
    sd_event_unref(fixture->event);
    while (count_fds() != fixture->n_fds_before) { // a helper thread may still have one open
        assert_true(clock_monotonic() < deadline);
        sched_yield();
    }
    for (unsigned i = 0; i < fixture->n_peers; i++) {
        assert_int_equal(fixture->peers[i]->n_closed, 1);
        buf_done(&fixture->peers[i]->messages);
        free(fixture->peers[i]->name);
        free(fixture->peers[i]->reason);
        free(fixture->peers[i]);
    }
    remove_folder(fixture->folder);
    current = NULL;
    free(fixture->gave_up_error);
    free(fixture->folder);
    free(fixture->last_info);
    free(fixture->log);
    free(fixture);
    return 0;
}

void fixture_settle(struct net_fixture *fixture)
{
    while (sd_event_run(fixture->event, 0) > 0) {
    }
}

struct remote *fixture_listen_with(struct net_fixture *fixture, const char *target,
                                   const struct remote_options *options)
{
    struct remote *remote = NULL;

    assert_no_failure(remote_new(fixture->net, target, options, fixture, &remote));
    return remote;
}

struct remote *fixture_listen(struct net_fixture *fixture, const char *target)
{
    return fixture_listen_with(fixture, target, &REMOTE_OPTIONS_DEFAULT);
}

int fixture_dial(const struct remote *remote)
{
    struct endpoint endpoint = {.size = sizeof(endpoint.storage)};
    int fd;

    assert_int_equal(getsockname(remote->listener->acceptor.fd, &endpoint.sa, &endpoint.size), 0);
    fd = socket(endpoint.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &endpoint.sa, endpoint.size), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

int fixture_connect(struct net_fixture *fixture, struct remote *remote, struct peer **ret_peer)
{
    unsigned n = fixture->n_peers;
    int fd = fixture_dial(remote);

    RUN_UNTIL(fixture, fixture->n_peers > n);
    *ret_peer = fixture->peers[n];
    return fd;
}

char *fixture_path(struct net_fixture *fixture, const char *name)
{
    return xasprintf("%s/%s", fixture->folder, name);
}

void client_put(struct net_fixture *fixture, int fd, struct slice bytes)
{
    while (bytes.size) {
        ssize_t n = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0) {
            assert_int_equal(errno, EAGAIN);
            sd_event_run(fixture->event, USEC_PER_MSEC);
            continue;
        }
        bytes.data += n;
        bytes.size -= (size_t)n;
    }
}

bool client_take(int fd, struct buf *buf)
{
    for (;;) {
        ssize_t n = recv(fd, buf_reserve(buf, 65536), 65536, MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            return false;
        }
        if (n < 0) {
            return true;
        }
        buf->size += (size_t)n;
    }
}

void assert_messages(const struct peer *peer, const char *expected)
{
    assert_int_equal(peer->messages.size, strlen(expected));
    assert_memory_equal(peer->messages.data, expected, strlen(expected));
}
