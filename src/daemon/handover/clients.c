// SPDX-License-Identifier: Apache-2.0
// The bytes of a state handover: a line with the format's number and the size of the state, the
// state as JSON text, and then for each connection its unprocessed input and its unsent output. The
// state:
//
//     [SERVER, {"DATABASE": "FILE", ...}, ["TARGET" of a listener, ...],
//      [["TARGET", "NAME", INPUT-SIZE, OUTPUT-SIZE, SESSION] of a connection, ...]]
//
// The descriptors of listeners and connections follow in the same order. FILE identifies the
// content of a database file (file_identity()). If it has changed, values that are not stored in
// the file are not restored.
#include "daemon/handover/clients.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "net/handover.h"
#include "service/fd_store.h"
#include "service/state_handover.h"
#include "session/saved.h"
#include "json/cursor.h"
#include "json/emit.h"
#include "json/framer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

LOG_MODULE(ovsdb_server);

#define NAME       "ovsdbd-handover"
#define FORMAT     1 // of the state; a state of another format is refused
#define HEADER     "ovsdbd handover format %u, %zu bytes of state\n"
#define MAX_STATE  ((size_t)2 << 30)
#define MAX_QUEUED ((size_t)512 << 20) // bytes, of all connections

// The state, bytes and descriptors that handover_give() collects.
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

// A text that changes when the file is written to or replaced. NULL: there is no file. Caller
// frees.
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

static void collect_state(const struct parts *parts, struct giving *giving)
{
    struct buf *state = &giving->state;

    buf_putc(state, '[');
    server_save(parts->server, state);
    buf_putc(state, ',');
    put_files(state, parts->databases);
    buf_puts(state, ",[");
    net_visit_listeners(parts->net, give_listener, giving);
    buf_puts(state, "],[");
    net_visit_portable(parts->net, give_connection, giving);
    buf_puts(state, "]]");
}

static int push_to_manager(const struct giving *giving)
{
    _cleanup_close_ int fd = -1;
    _cleanup_free_ char *header = xasprintf(HEADER, FORMAT, giving->state.size);
    const struct slice parts[] = {slice_of(header), buf_slice(&giving->state),
                                  buf_slice(&giving->bytes)};
    int r = state_handover_pack(parts, ARRAY_SIZE(parts), giving->fds, giving->n_fds, &fd);

    return r < 0 ? r : fd_store_push(NAME, fd);
}

// Whether a database is read-only after a failed sync: its memory may hold commits that the file
// does not.
static bool has_failed_database(const struct databases *databases)
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

void handover_give(const struct parts *parts)
{
    _cleanup_(giving_done) struct giving giving = {0};
    int r;

    if (has_failed_database(parts->databases)) {
        return;
    }
    net_accept_waiting(parts->net);
    server_settle(parts->server, clock_monotonic());
    net_flush(parts->net, 0);
    collect_state(parts, &giving);
    r = push_to_manager(&giving);
    if (r < 0) {
        log_event(LOG_LEVEL_WARN, MSG_HANDOVER_FAILED, NULL,
                  "the connections cannot be handed to the service manager: %s", strerror(-r));
        return;
    }
    for (size_t i = 0; i < giving.n_connections; i++) {
        connection_leave(giving.connections[i]);
    }
    log_event(LOG_LEVEL_INFO, MSG_HANDED_OVER, NULL,
              "handed %zu connections to the service manager for the next process",
              giving.n_connections);
}

struct handover {
    struct buf text;
    struct slice server, files, listeners, connections; // in `text`
    struct slice bytes; // input and output of the connections not restored yet
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

// Cuts the text into its parts. Returns why it cannot be used (static), or NULL.
static const char *parse_state(struct handover *handover)
{
    struct slice text, parts[4];
    unsigned format;
    size_t size;
    int n = 0; // stays 0 unless the whole header matches

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
    const char *error = r < 0 ? strerror(-r) : parse_state(handover);

    fd_store_remove(NAME);
    if (error) {
        log_event(LOG_LEVEL_WARN, MSG_NOT_CONTINUED, NULL,
                  "cannot restore the state of the former process (%s): closing %zu connections",
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

void handover_restore_databases(struct handover *handover, const struct parts *parts)
{
    if (handover && !server_restore(parts->server, handover->server,
                                    is_unchanged(handover, parts->databases))) {
        log_warn("the state of the databases cannot be restored");
    }
}

static int next_fd(struct handover *handover)
{
    assert(handover->next_fd < handover->n_fds); // parse_state() has counted them
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

// Restores one connection, or returns NULL. If its session could not be restored, *ret_is_whole is
// false.
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

// Connections without their session are closed after all others are restored, so that their locks
// pass to the next in the queue.
void handover_continue(struct handover *handover, const struct parts *parts)
{
    _cleanup_free_ struct connection **broken = NULL;
    size_t n_whole = 0, n_broken = 0, n_lost = 0;
    struct cursor cursor;

    if (!handover) {
        return;
    }
    net_close_offered(parts->net);
    broken = NEW_ARRAY(struct connection *, handover->n_fds + 1);
    cursor_init(&cursor, handover->connections);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        bool is_whole = false;
        struct connection *connection =
            continue_one(handover, parts->remotes, cursor_skip(&cursor), &is_whole);

        if (connection && !is_whole) {
            broken[n_broken++] = connection;
        } else if (connection) {
            n_whole++;
        } else {
            n_lost++;
        }
    }
    server_end_restore(parts->server);
    for (size_t i = 0; i < n_broken; i++) {
        connection_close(broken[i], "its session cannot be restored");
    }
    log_event(LOG_LEVEL_INFO, MSG_CONTINUED, NULL,
              "restored %zu connections of the former process, closed %zu", n_whole,
              n_broken + n_lost);
}
