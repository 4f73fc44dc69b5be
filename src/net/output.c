// SPDX-License-Identifier: Apache-2.0
// The write path. connection_send() puts bytes into a queue. At the end of the turn everything that
// was queued during the turn is written at once.
//
// A mark is an offset in the queue and the position of a commit log that must be durable before
// bytes from there on are sent (I-6). Bytes before the first mark can be sent. A connection has
// marks of each log that its output shows; they wait for this log only (basic/positions.h), so an
// advance of a log costs O(marks that it settles).
#include "basic/counter.h"
#include "net/internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

LOG_MODULE(net);
COUNTER(bytes_sent, "Bytes sent to clients");

#define MAX_IOV 64

// How many of a connection's last marks are searched for one of the same log. If more logs
// alternate in the output of a connection, it gets more marks than necessary.
#define MARKS_SEARCHED 8

struct mark {
    struct position_waiter waiter;
    struct list in_connection;
    struct connection *connection;
    uint64_t start; // offset in the connection's queue (queue.h)
};

size_t output_sendable(const struct connection *connection)
{
    uint64_t start;

    if (list_is_empty(&connection->marks)) {
        return connection->queue.size;
    }
    start = LIST_FIRST(&connection->marks, struct mark, in_connection)->start;
    assert(start >= connection->queue.head); // I-6
    return (size_t)(start - connection->queue.head);
}

bool output_waits(const struct connection *connection, uint64_t offset)
{
    return !list_is_empty(&connection->marks) &&
           LIST_FIRST(&connection->marks, struct mark, in_connection)->start <= offset;
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

static void mark_free(struct mark *mark)
{
    position_waiter_cancel(&mark->waiter);
    list_remove(&mark->in_connection);
    free(mark);
}

void output_discard(struct connection *connection)
{
    while (!list_is_empty(&connection->marks)) {
        mark_free(LIST_FIRST(&connection->marks, struct mark, in_connection));
    }
    assert(connection->net->backlog >= connection->queue.size);
    connection->net->backlog -= connection->queue.size;
    queue_done(&connection->queue);
}

// True if output queued now waits for `position` or a later one of the same log already.
static bool has_mark(const struct connection *connection, struct position position)
{
    const struct list *node = connection->marks.prev;

    for (int i = 0; i < MARKS_SEARCHED && node != &connection->marks; i++, node = node->prev) {
        const struct mark *mark = CONTAINER_OF(node, struct mark, in_connection);

        if (mark->waiter.position.log == position.log) {
            return mark->waiter.position.value >= position.value;
        }
    }
    return false;
}

static void on_settled(struct position_waiter *waiter, bool is_lost)
{
    struct mark *mark = CONTAINER_OF(waiter, struct mark, waiter);
    struct connection *connection = mark->connection;

    if (is_lost) {
        // I-6: the output must not be sent. This removes all marks of the connection.
        connection_die(connection, LOG_LEVEL_WARN, "its output depends on a failed write");
    } else {
        bool holds_probe = output_waits(connection, connection->probe_start);

        mark_free(mark);
        if (holds_probe && !output_waits(connection, connection->probe_start)) {
            probe_leaves(&connection->probe, net_now(connection->net));
        }
        output_arm(connection);
    }
}

// Makes the output queued from now on wait for `position`.
static void begin_send(struct connection *connection, struct position position)
{
    struct mark *mark;

    if (position_is_durable(position) || has_mark(connection, position)) {
        return;
    }
    mark = NEW(struct mark);
    mark->connection = connection;
    mark->start = queue_tail(&connection->queue);
    list_push_back(&connection->marks, &mark->in_connection);
    position_wait(position, &mark->waiter, on_settled);
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

void connection_send(struct connection *connection, struct slice text, struct position position)
{
    if (connection->state == CONNECTION_DEAD || !text.size) {
        return;
    }
    begin_send(connection, position);
    queue_put(&connection->queue, text);
    end_send(connection, text.size);
}

void connection_send_shared(struct connection *connection, struct text *text,
                            struct position position)
{
    if (connection->state == CONNECTION_DEAD || !text->size) {
        return;
    }
    begin_send(connection, position);
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
            assert((size_t)n <= sendable); // I-6
            queue_drop(&connection->queue, (size_t)n);
            connection->net->backlog -= (size_t)n;
            written += (size_t)n;
            COUNT_N(bytes_sent, n);
            connection->n_sent += (uint64_t)n;
        }
    }
    if (written && connection->is_paused) {
        // A paused peer cannot show that it is alive otherwise than by reading.
        probe_alive(&connection->probe, net_now(connection->net));
    }
    connection_update_events(connection);
    return true;
}

// The backlog is not above NET_BACKLOG_LOW: undoes what was done when it grew.
static void end_backlog(struct connection *connection)
{
    struct net *net = connection->net;

    if (connection->is_paused) {
        connection->is_paused = false;
        probe_alive(&connection->probe, net_now(net));
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
        end_backlog(connection);
    }
    if (connection->state == CONNECTION_CLOSING && !connection->queue.size) {
        connection_die(connection, LOG_LEVEL_DBG, connection->reason);
        return;
    }
    if (output_sendable(connection)) {
        output_arm(connection);
    }
}
