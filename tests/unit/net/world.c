// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static struct world *current; // for the log's sink

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

static struct world *world_of(struct connection *connection)
{
    return remote_userdata(connection_remote(connection));
}

static void on_opened(struct connection *connection)
{
    struct world *world = world_of(connection);
    struct peer *peer = NEW(struct peer);

    peer->connection = connection;
    peer->remote = connection_remote(connection);
    peer->name = xstrdup(connection_name(connection));
    assert_true(world->n_peers < WORLD_MAX_PEERS);
    world->peers[world->n_peers++] = peer;
    world->n_open++;
    connection_set_userdata(connection, peer);
    if (world->on_opened) {
        world->on_opened(world, peer);
    }
}

static void on_message(struct connection *connection, struct slice text)
{
    struct world *world = world_of(connection);
    struct peer *peer = connection_userdata(connection);

    assert_int_equal(peer->n_closed, 0);
    buf_put_slice(&peer->messages, text);
    buf_putc(&peer->messages, '\n');
    peer->n_messages++;
    if (world->echoes) {
        connection_send(connection, text, 0);
    }
    if (world->on_message) {
        world->on_message(world, peer, text);
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
    struct world *world = world_of(connection);
    struct peer *peer = connection_userdata(connection);

    peer->n_closed++;
    peer->connection = NULL;
    peer->reason = xstrdup(reason);
    world->n_open--;
    if (world->on_closed) {
        world->on_closed(world, peer);
    }
}

static void on_gave_up(struct remote *remote, const char *error)
{
    struct world *world = remote_userdata(remote);

    world->n_gave_up++;
    free(world->gave_up_error);
    world->gave_up_error = xstrdup(error);
    if (world->on_gave_up) {
        world->on_gave_up(world, remote);
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

int world_setup(void **state)
{
    struct world *world = NEW(struct world);

    world->n_fds_before = count_fds();
    world->folder = xstrdup("/tmp/ovsdbd-net-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    setenv("OVS_RUNDIR", world->folder, 1);
    assert_true(sd_event_new(&world->event) >= 0);
    world->net = net_new(world->event, &handler, world);
    current = world;
    log_set_sink(on_log);
    *state = world;
    return 0;
}

// The folder must be empty but for what the tests put there: nested at most once.
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

int world_teardown(void **state)
{
    struct world *world = *state;
    usec_t deadline = clock_monotonic() + WORLD_TIMEOUT;

    net_free(world->net);
    assert_int_equal(world->n_open, 0);
    sd_event_unref(world->event);
    while (count_fds() != world->n_fds_before) { // a helper thread may still have one
        assert_true(clock_monotonic() < deadline);
        usleep(1000);
    }
    for (unsigned i = 0; i < world->n_peers; i++) {
        assert_int_equal(world->peers[i]->n_closed, 1);
        buf_done(&world->peers[i]->messages);
        free(world->peers[i]->name);
        free(world->peers[i]->reason);
        free(world->peers[i]);
    }
    remove_folder(world->folder);
    current = NULL;
    free(world->gave_up_error);
    free(world->folder);
    free(world->last_info);
    free(world->log);
    free(world);
    return 0;
}

void world_settle(struct world *world)
{
    while (sd_event_run(world->event, 0) > 0) {
    }
}

struct remote *world_listen_with(struct world *world, const char *target,
                                 const struct remote_options *options)
{
    struct remote *remote = NULL;
    char *error = NULL;

    if (remote_new(world->net, target, options, world, &remote, &error) < 0) {
        fail_msg("%s", error);
    }
    return remote;
}

struct remote *world_listen(struct world *world, const char *target)
{
    return world_listen_with(world, target, &REMOTE_OPTIONS_DEFAULT);
}

int world_dial(const struct remote *remote)
{
    struct endpoint endpoint = {.size = sizeof(endpoint.storage)};
    int fd;

    assert_int_equal(getsockname(remote->listener.fd, &endpoint.sa, &endpoint.size), 0);
    fd = socket(endpoint.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &endpoint.sa, endpoint.size), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

int world_connect(struct world *world, struct remote *remote, struct peer **ret_peer)
{
    unsigned n = world->n_peers;
    int fd = world_dial(remote);

    RUN_UNTIL(world, world->n_peers > n);
    *ret_peer = world->peers[n];
    return fd;
}

char *world_path(struct world *world, const char *name)
{
    return xasprintf("%s/%s", world->folder, name);
}

void client_put(struct world *world, int fd, struct slice bytes)
{
    while (bytes.size) {
        ssize_t n = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0) {
            assert_int_equal(errno, EAGAIN);
            sd_event_run(world->event, USEC_PER_MSEC);
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
