// SPDX-License-Identifier: Apache-2.0
// The write path. Sending queues; a deferred source writes what all of a turn's messages have
// queued at once. A mark says from which position on the output needs which ticket: bytes before
// the first mark may leave. The marks of all connections form one list in order of their tickets,
// so that a release costs as much as what it releases.
#include "basic/counter.h"
#include "net/internal.h"

#include <errno.h>
#include <string.h>

LOG_MODULE(net);
COUNTER(bytes_sent, "Bytes sent to clients");

#define MAX_IOV 64

struct mark {
    struct list in_net;
    struct list in_connection;
    struct connection *connection;
    uint64_t ticket;
    uint64_t start; // position in the connection's queue
};

size_t output_sendable(const struct connection *connection)
{
    if (list_is_empty(&connection->marks)) {
        return connection->queue.size;
    }
    return (size_t)(LIST_FIRST(&connection->marks, struct mark, in_connection)->start -
                    connection->queue.head);
}

bool output_is_over(const struct connection *connection)
{
    return !connection->queue.size;
}

void output_arm(struct connection *connection)
{
    struct net *net = connection->net;

    if (connection->state == CONNECTION_DEAD || connection->is_blocked ||
        !list_is_empty(&connection->in_output_ready)) {
        return;
    }
    if (output_sendable(connection) || connection->state == CONNECTION_CLOSING) {
        list_push_back(&net->output_ready, &connection->in_output_ready);
        net_arm(net);
    }
}

static void remove_mark(struct mark *mark)
{
    list_remove(&mark->in_net);
    list_remove(&mark->in_connection);
    free(mark);
}

void output_discard(struct connection *connection)
{
    while (!list_is_empty(&connection->marks)) {
        remove_mark(LIST_FIRST(&connection->marks, struct mark, in_connection));
    }
    connection->net->backlog -= connection->queue.size;
    queue_done(&connection->queue);
}

// From here on the connection's output needs `ticket`. Tickets come in order, nearly always: the
// search from the end of the list ends at once.
static void add_mark(struct connection *connection, uint64_t ticket)
{
    struct list *where = &connection->net->marks;
    struct mark *mark;

    if (!list_is_empty(&connection->marks) &&
        CONTAINER_OF(connection->marks.prev, struct mark, in_connection)->ticket >= ticket) {
        return;
    }
    mark = NEW(struct mark);
    mark->connection = connection;
    mark->ticket = ticket;
    mark->start = queue_tail(&connection->queue);
    list_push_back(&connection->marks, &mark->in_connection);
    while (where->prev != &connection->net->marks &&
           CONTAINER_OF(where->prev, struct mark, in_net)->ticket > ticket) {
        where = where->prev;
    }
    list_insert_before(where, &mark->in_net);
}

void net_release(struct net *net, uint64_t ticket)
{
    if (ticket <= net->released) {
        return;
    }
    net->released = ticket;
    while (!list_is_empty(&net->marks)) {
        struct mark *mark = LIST_FIRST(&net->marks, struct mark, in_net);
        struct connection *connection = mark->connection;

        if (mark->ticket > ticket) {
            break;
        }
        remove_mark(mark);
        output_arm(connection);
    }
}

void net_drop_waiting(struct net *net, const char *reason)
{
    while (!list_is_empty(&net->marks)) {
        struct mark *mark = LIST_FIRST(&net->marks, struct mark, in_net);

        connection_die(mark->connection, LOG_LEVEL_WARN, reason); // takes its marks along
    }
}

static void begin_send(struct connection *connection, uint64_t ticket)
{
    if (ticket > connection->net->released) {
        add_mark(connection, ticket);
    }
}

static void end_send(struct connection *connection, size_t size)
{
    connection->net->backlog += size;
    if (connection->queue.size > NET_BACKLOG_LOW) {
        connection->is_backlogged = true;
    }
    if (connection->queue.size > NET_BACKLOG_HIGH && !connection->is_paused &&
        connection->state == CONNECTION_OPEN) {
        log_dbg("%s: %zu bytes wait to be read by the peer: no more requests for now",
                connection->name, connection->queue.size);
        connection->is_paused = true;
        connection_update_events(connection);
    }
    output_arm(connection);
    net_press(connection->net);
}

void connection_send(struct connection *connection, struct slice text, uint64_t ticket)
{
    if (connection->state == CONNECTION_DEAD || !text.size) {
        return;
    }
    begin_send(connection, ticket);
    queue_put(&connection->queue, text);
    end_send(connection, text.size);
}

void connection_send_shared(struct connection *connection, struct text *text, uint64_t ticket)
{
    if (connection->state == CONNECTION_DEAD || !text->size) {
        return;
    }
    begin_send(connection, ticket);
    queue_put_shared(&connection->queue, text);
    end_send(connection, text->size);
}

bool output_write(struct connection *connection)
{
    struct iovec iov[MAX_IOV];
    size_t written = 0;
    size_t sendable;

    connection->is_blocked = false;
    while ((sendable = output_sendable(connection)) && written < NET_WRITE_SIZE &&
           !connection->is_blocked) {
        int n_iov = queue_peek(&connection->queue, sendable, iov, MAX_IOV);
        ssize_t n = connection->stream.ops->send(&connection->stream, iov, n_iov);

        if (n == -EAGAIN) {
            connection->is_blocked = true;
        } else if (n < 0) {
            connection_die(connection, connection_end_level(connection),
                           connection->stream.ops->error(&connection->stream, (int)-n));
            return false;
        } else {
            queue_drop(&connection->queue, (size_t)n);
            connection->net->backlog -= (size_t)n;
            written += (size_t)n;
            COUNT_N(bytes_sent, n);
            connection->n_sent += (uint64_t)n;
        }
    }
    if (written && connection->is_paused) {
        connection->last_sign = net_now(connection->net); // it reads, and that is all it can show
        connection->probe_sent = 0;
    }
    connection_update_events(connection);
    return true;
}

// The backlog is low again.
static void catch_up(struct connection *connection)
{
    struct net *net = connection->net;

    if (connection->is_paused) {
        connection->is_paused = false;
        connection->last_sign = net_now(net);
        input_resume(connection);
    }
    if (connection->is_backlogged && connection->state == CONNECTION_OPEN) {
        connection->is_backlogged = false;
        if (net->handler.drained) {
            net->handler.drained(connection);
        }
    }
}

void output_run(struct connection *connection)
{
    if (connection->state == CONNECTION_DEAD || !output_write(connection)) {
        return;
    }
    if (connection->queue.size <= NET_BACKLOG_LOW) {
        catch_up(connection);
    }
    if (connection->state == CONNECTION_CLOSING && output_is_over(connection)) {
        connection_die(connection, LOG_LEVEL_DBG, connection->reason);
        return;
    }
    if (output_sendable(connection)) {
        output_arm(connection);
    }
}
