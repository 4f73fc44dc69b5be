// SPDX-License-Identifier: Apache-2.0
// The state handover's bytes: a line with the format and the size of what follows, the state as JSON text,
// and one after another what the connections had received and were to be sent. The state:
//
//     [SERVER, {"DATABASE": "FILE", ...}, ["TARGET" of a listener, ...],
//      [["TARGET", "NAME", RECEIVED, TO-SEND, SESSION] of a connection, ...]]
//
// The descriptors are in the same order. FILE tells one state of a database's file from every other
// one: if it is no longer that, what is not in the file is not restored.
#include "daemon/handover/handover.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "net/handover.h"
#include "service/fd_store.h"
#include "service/state_handover.h"
#include "session/saved.h"
#include "json/cursor.h"
#include "json/emit.h"
#include "json/framer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

LOG_MODULE(ovsdb_server);

#define NAME       "ovsdbd-handover"
#define FORMAT     1 // of the state; another one is not understood
#define HEADER     "ovsdbd handover format %u, %zu bytes of state\n"
#define MAX_STATE  ((size_t)2 << 30)
#define MAX_QUEUED ((size_t)512 << 20) // bytes, of all connections

// What is being given.
struct giving {
    struct buf state, bytes;
    struct connection **connections;
    size_t n_connections, connections_capacity;
    int *fds;
    size_t n_fds, fds_capacity;
};

static void giving_done(struct giving *giving)
{
    buf_done(&giving->state);
    buf_done(&giving->bytes);
    free(giving->connections);
    free(giving->fds);
}

static void add_fd(struct giving *giving, int fd)
{
    GROW(giving->fds, giving->n_fds, giving->fds_capacity);
    giving->fds[giving->n_fds++] = fd;
}

static void give_listener(void *userdata, const char *target, int fd)
{
    struct giving *giving = userdata;

    emit_next(&giving->state);
    emit_string(&giving->state, slice_of(target));
    add_fd(giving, fd);
}

static void give_connection(void *userdata, struct connection *connection)
{
    struct giving *giving = userdata;
    struct slice input = connection_input(connection);
    size_t to_send = connection_backlog(connection);

    if (giving->n_fds == STATE_HANDOVER_MAX_FDS ||
        giving->bytes.size + input.size + to_send > MAX_QUEUED) {
        return;
    }
    buf_put_slice(&giving->bytes, input);
    connection_put_output(connection, &giving->bytes);
    emit_next(&giving->state);
    buf_putc(&giving->state, '[');
    emit_string(&giving->state, slice_of(remote_target(connection_remote(connection))));
    buf_putc(&giving->state, ',');
    emit_string(&giving->state, slice_of(connection_name(connection)));
    buf_printf(&giving->state, ",%zu,%zu,", input.size, to_send);
    session_save(connection_userdata(connection), &giving->state);
    buf_putc(&giving->state, ']');
    add_fd(giving, connection_fd(connection));
    GROW(giving->connections, giving->n_connections, giving->connections_capacity);
    giving->connections[giving->n_connections++] = connection;
}

// A file that has been written to, or replaced, has another one. NULL: there is no file.
static char *file_identity(const struct store *store)
{
    struct stat st;

    return stat(store_path(store), &st) < 0
               ? NULL
               : xasprintf("%llu:%llu %llu %llu.%09lu", (unsigned long long)st.st_dev,
                           (unsigned long long)st.st_ino, (unsigned long long)st.st_size,
                           (unsigned long long)st.st_mtim.tv_sec,
                           (unsigned long)st.st_mtim.tv_nsec);
}

static void put_files(struct buf *buf, const struct databases *databases)
{
    struct store *store;
    const char *name;

    buf_putc(buf, '{');
    for (size_t state = 0; (store = databases_next(databases, &state, &name));) {
        _cleanup_free_ char *identity = file_identity(store);

        emit_next(buf);
        emit_string(buf, slice_of(name));
        buf_putc(buf, ':');
        emit_string(buf, slice_of(identity ? identity : ""));
    }
    buf_putc(buf, '}');
}

static void collect(struct daemon *daemon, struct giving *giving)
{
    struct buf *state = &giving->state;

    buf_putc(state, '[');
    server_save(daemon->server, state);
    buf_putc(state, ',');
    put_files(state, daemon->databases);
    buf_puts(state, ",[");
    net_visit_listeners(daemon->net, give_listener, giving);
    buf_puts(state, "],[");
    net_visit_portable(daemon->net, give_connection, giving);
    buf_puts(state, "]]");
}

static int push(const struct giving *giving)
{
    _cleanup_close_ int fd = -1;
    _cleanup_free_ char *header = xasprintf(HEADER, FORMAT, giving->state.size);
    const struct slice parts[] = {slice_of(header), buf_slice(&giving->state),
                                  buf_slice(&giving->bytes)};
    int r = state_handover_pack(parts, ARRAY_SIZE(parts), giving->fds, giving->n_fds, &fd);

    return r < 0 ? r : fd_store_push(NAME, fd);
}

// What is in memory may never get to the file.
static bool has_failed(const struct databases *databases)
{
    struct store *store;
    const char *name;

    for (size_t state = 0; (store = databases_next(databases, &state, &name));) {
        if (store_failure(store)) {
            return true;
        }
    }
    return false;
}

void handover_give(struct daemon *daemon)
{
    _cleanup_(giving_done) struct giving giving = {0};
    int r;

    if (has_failed(daemon->databases)) {
        return;
    }
    net_accept_waiting(daemon->net);
    server_settle(daemon->server, clock_monotonic());
    net_flush(daemon->net, 0);
    collect(daemon, &giving);
    r = push(&giving);
    if (r < 0) {
        log_event(LOG_LEVEL_WARN, MSG_HANDOVER_FAILED, NULL,
                  "the connections cannot be handed to the service manager: %s", strerror(-r));
        return;
    }
    for (size_t i = 0; i < giving.n_connections; i++) {
        connection_leave(giving.connections[i]);
    }
    log_event(LOG_LEVEL_INFO, MSG_HANDED_OVER, NULL,
              "%zu connections wait with the service manager for the next process",
              giving.n_connections);
}

struct handover {
    struct buf text;
    struct slice server, files, listeners, connections; // in `text`
    struct slice bytes;                                 // what is left of them
    int *fds;
    size_t n_fds, next_fd;
};

void handover_free(struct handover *handover)
{
    if (handover) {
        for (size_t i = handover->next_fd; i < handover->n_fds; i++) {
            close(handover->fds[i]);
        }
        free(handover->fds);
        buf_done(&handover->text);
        free(handover);
    }
}

// NULL, or what is wrong. Static.
static const char *parse(struct handover *handover)
{
    struct slice text, parts[4];
    unsigned format;
    size_t size;
    int n = 0; // as long as the text behind the numbers is another one

    if (sscanf(buf_cstr(&handover->text), HEADER "%n", &format, &size, &n) != 2 || !n) {
        return "not a state of this program";
    }
    if (format != FORMAT) {
        return "the state of another version of this program";
    }
    text = (struct slice){handover->text.data + n, handover->text.size - (size_t)n};
    if (size > text.size) {
        return "incomplete";
    }
    handover->bytes = (struct slice){text.data + size, text.size - size};
    text.size = size;
    if (framer_check(text, MAX_STATE, NULL, NULL) || json_cut(text, parts, 4) != 4 ||
        json_kind_of(parts[1]) != JSON_KIND_OBJECT || json_kind_of(parts[2]) != JSON_KIND_ARRAY ||
        json_kind_of(parts[3]) != JSON_KIND_ARRAY ||
        json_count(parts[2]) + json_count(parts[3]) != handover->n_fds) {
        return "damaged";
    }
    handover->server = parts[0];
    handover->files = parts[1];
    handover->listeners = parts[2];
    handover->connections = parts[3];
    return NULL;
}

static struct handover *open_handover(int fd)
{
    struct handover *handover = NEW(struct handover);
    int r = state_handover_open(fd, &handover->text, &handover->fds, &handover->n_fds);
    const char *error = r < 0 ? strerror(-r) : parse(handover);

    fd_store_remove(NAME);
    if (error) {
        log_event(LOG_LEVEL_WARN, MSG_NOT_CONTINUED, NULL,
                  "what the former process has left cannot be taken up (%s): %zu connections are "
                  "closed",
                  error, handover->n_fds);
        handover_free(handover);
        return NULL;
    }
    return handover;
}

struct handover *handover_take(struct listen_fd *fds, size_t n_fds)
{
    struct handover *handover = NULL;

    for (size_t i = 0; i < n_fds; i++) {
        if (!strcmp(fds[i].name, NAME)) {
            handover_free(handover);
            handover = open_handover(fds[i].fd);
            close(TAKE_FD(fds[i].fd));
        }
    }
    return handover;
}

static bool is_unchanged(const struct handover *handover, const struct databases *databases)
{
    _cleanup_buf_ struct buf names = {0}, scratch = {0};
    struct cursor cursor;

    cursor_init(&cursor, handover->files);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, &names), file;
        _cleanup_free_ char *text = xstrndup(name.data, name.size);
        const struct store *store = databases_find(databases, text);
        _cleanup_free_ char *identity = store ? file_identity(store) : NULL;

        if (!json_read_string(cursor_skip(&cursor), &scratch, &file) || !identity ||
            !slice_is(file, identity)) {
            return false;
        }
    }
    return true;
}

void handover_restore_databases(struct handover *handover, struct daemon *daemon)
{
    if (handover && !server_restore(daemon->server, handover->server,
                                    is_unchanged(handover, daemon->databases))) {
        log_warn("the state of the databases cannot be taken up");
    }
}

static int next_fd(struct handover *handover)
{
    return handover->fds[handover->next_fd++];
}

void handover_offer_listeners(struct handover *handover, struct net *net)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;

    if (!handover) {
        return;
    }
    cursor_init(&cursor, handover->listeners);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice target = SLICE_EMPTY;

        json_read_string(cursor_skip(&cursor), &scratch, &target);
        net_offer_listener(net, target, next_fd(handover));
    }
}

static bool take_bytes(struct handover *handover, struct slice size, struct slice *ret)
{
    uint64_t n;

    if (!json_read_count(size, &n) || n > handover->bytes.size) {
        return false;
    }
    *ret = (struct slice){handover->bytes.data, n};
    handover->bytes = (struct slice){handover->bytes.data + n, handover->bytes.size - n};
    return true;
}

// NULL if it does not go on. It may do so without its session: then *ret_is_whole is false.
static struct connection *continue_one(struct handover *handover, const struct remotes *remotes,
                                       struct slice saved, bool *ret_is_whole)
{
    _cleanup_buf_ struct buf targets = {0}, names = {0};
    struct slice parts[5], target, name, input, output;
    _cleanup_close_ int fd = next_fd(handover);
    struct connection *connection = NULL;
    struct remote *remote = NULL;

    if (json_cut(saved, parts, 5) == 5 && take_bytes(handover, parts[2], &input) &&
        take_bytes(handover, parts[3], &output) && json_read_string(parts[0], &targets, &target) &&
        json_read_string(parts[1], &names, &name)) {
        _cleanup_free_ char *text = xstrndup(target.data, target.size);

        remote = remotes_find(remotes, text);
    }
    if (remote) {
        connection = remote_continue(remote, TAKE_FD(fd), name, input, output);
    }
    if (connection) {
        struct session *session = connection_userdata(connection);

        *ret_is_whole = session && session_restore(session, parts[4]);
    }
    return connection;
}

// Those that go on without their session are closed when the others are there: what they held
// passes on to these.
void handover_continue(struct handover *handover, struct daemon *daemon)
{
    _cleanup_free_ struct connection **broken = NULL;
    size_t n_whole = 0, n_broken = 0, n_lost = 0;
    struct cursor cursor;

    if (!handover) {
        return;
    }
    net_close_offered(daemon->net);
    broken = NEW_ARRAY(struct connection *, handover->n_fds + 1);
    cursor_init(&cursor, handover->connections);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        bool is_whole = false;
        struct connection *connection =
            continue_one(handover, daemon->remotes, cursor_skip(&cursor), &is_whole);

        if (connection && !is_whole) {
            broken[n_broken++] = connection;
        } else if (connection) {
            n_whole++;
        } else {
            n_lost++;
        }
    }
    server_end_restore(daemon->server);
    for (size_t i = 0; i < n_broken; i++) {
        connection_close(broken[i], "its session cannot go on as it was");
    }
    log_event(LOG_LEVEL_INFO, MSG_CONTINUED, NULL,
              "%zu connections of the former process go on, %zu are closed", n_whole,
              n_broken + n_lost);
}
