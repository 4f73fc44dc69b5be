// SPDX-License-Identifier: Apache-2.0
// The read path. All connections receive into one buffer of the net, and messages are handled in
// place there. Only the rest (an incomplete message, or messages beyond the batch of one turn) is
// copied to the connection's own buffer, which is freed when everything in it has been handled.
#include "basic/counter.h"
#include "basic/messages.h"
#include "net/internal.h"
#include "json/message.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

LOG_MODULE(net);
COUNTER(messages_received, "Messages received from clients");
COUNTER(messages_too_long, "Connections ended because a message was too long");
COUNTER(bytes_received, "Bytes received from clients");

// The first byte of a TLS record with a ClientHello, and with an alert (RFC 8446 5.1).
#define TLS_HANDSHAKE 0x16
#define TLS_ALERT     0x15

// See store_input(). The reserve is more than the free memory at the end of malloc()'s heap.
#define LARGE_INPUT   ((size_t)1 << 20)
#define INPUT_RESERVE ((size_t)256 << 20)

// Input that is being handled, in either buffer. The current value begins at `start`; the framer
// has processed it up to `scanned`.
struct window {
    const char *data;
    size_t size;
    size_t start;
    size_t scanned;
};

// Begins to read and drop a message that is too long. It is read to its end because its sender may
// not read our answer before it has sent everything.
static void begin_long(struct connection *connection, struct window *window)
{
    static struct log_limit limit = LOG_LIMIT_INIT(60, 20);
    struct long_message *message = NEW(struct long_message);

    message->reason = xasprintf("message %" PRIu64 " is longer than the %zu bytes that are allowed",
                                connection->n_messages + 1, connection->framer.max_size);
    message->limit = connection->framer.max_size;
    connection->long_message = message;
    COUNT(messages_too_long);
    log_event_limited(&limit, LOG_LEVEL_WARN, MSG_MESSAGE_TOO_LONG,
                      LOG_FIELDS({"OVSDB_SESSION", connection->name},
                                 {"OVSDB_REMOTE", connection->remote->target}),
                      "%s: %s", connection->name, message->reason);
    // The message is scanned again from its beginning, to find its id.
    framer_init(&connection->framer, SIZE_MAX);
    window->scanned = window->start;
}

void long_message_free(struct long_message *message)
{
    if (message) {
        free(message->reason);
        free(message);
    }
}

// The message that is too long is complete: answers it if it is a request, and closes the
// connection.
static void end_long(struct connection *connection)
{
    const struct long_message *message = connection->long_message;
    _cleanup_buf_ struct buf error = {0};
    _cleanup_buf_ struct buf reply = {0};
    struct slice id;

    if (request_peek_id(&message->peek, &id)) {
        buf_printf(&error,
                   "{\"details\":\"the request is longer than the %zu bytes that the server allows "
                   "(its option --max-message)\",\"error\":\"resources exhausted\"}",
                   message->limit);
        message_put_error(&reply, id, buf_slice(&error));
        connection_send(connection, buf_slice(&reply), POSITION_NONE);
    }
    connection_close_at(connection, LOG_LEVEL_DBG, message->reason);
}

// Returns the name of the protocol that a peer uses that sends `text` instead of JSON. NULL:
// unknown.
static const char *protocol_of(const struct connection *connection, struct slice text)
{
    static const char *const methods[] = {"GET ", "HEAD ", "POST ", "PUT ", "OPTIONS "};

    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        if (text.size >= strlen(methods[i]) && !memcmp(text.data, methods[i], strlen(methods[i]))) {
            return "HTTP";
        }
    }
    return (text.data[0] == TLS_HANDSHAKE || text.data[0] == TLS_ALERT) && !connection->stream.tls
               ? "TLS"
               : NULL;
}

// Closes a connection because the framer has rejected `text`.
static void reject_input(struct connection *connection, struct slice text)
{
    static struct log_limit limit = LOG_LIMIT_INIT(60, 20);
    bool is_first = !connection->n_messages && !connection->framer.offset;
    const char *protocol = is_first ? protocol_of(connection, text) : NULL;
    _cleanup_free_ char *reason =
        protocol ? xasprintf("the peer speaks %s, which %s does not", protocol,
                             connection->remote->target)
                 : xasprintf("invalid JSON at offset %zu of message %" PRIu64 ": %s",
                             connection->framer.offset, connection->n_messages + 1,
                             framer_error(&connection->framer));
    bool is_logged = log_limit_pass(&limit, log_this_module, LOG_LEVEL_WARN);

    connection_close_at(connection, is_logged ? LOG_LEVEL_WARN : LOG_LEVEL_DBG, reason);
}

static void deliver_message(struct connection *connection, struct slice text)
{
    assert(text.size && connection->state == CONNECTION_OPEN);
    connection->n_messages++;
    COUNT(messages_received);
    if (!probe_is_reply(text)) {
        connection->delivered = text;
        connection->net->handler.message(connection, text);
        connection->delivered = SLICE_EMPTY;
    }
}

void connection_take_message(struct connection *connection, struct buf *ret)
{
    struct slice text = connection->delivered;
    struct buf *input = &connection->input;
    struct buf rest = {0};

    assert(text.data && !ret->data && !connection->is_taken);
    if (text.data != input->data) { // in the net's buffer, or after another message: not large
        buf_put_slice(ret, text);
        return;
    }
    buf_put(&rest, input->data + text.size, input->size - text.size);
    *ret = *input;
    ret->size = text.size;
    *input = rest;
    connection->is_taken = true;
}

// Reads and drops a piece of a message that is too long.
static void handle_long(struct connection *connection, struct window *window)
{
    struct slice piece = {window->data + window->scanned,
                          MIN(window->size - window->scanned, (size_t)NET_LONG_STEP)};
    enum framer_status status =
        framer_feed(&connection->framer, piece.data, piece.size, &piece.size);

    request_peek_feed(&connection->long_message->peek, piece);
    window->scanned += piece.size;
    if (status == FRAMER_DONE) {
        end_long(connection);
    } else if (status == FRAMER_ERROR || connection->framer.offset > NET_LONGEST_MESSAGE) {
        connection_close_at(connection, LOG_LEVEL_DBG, connection->long_message->reason);
    } else if (window->scanned == window->size) {
        window->start = window->size;
    }
}

static bool may_handle(const struct connection *connection)
{
    return connection->state == CONNECTION_OPEN && !connection->is_paused && !connection->is_held &&
           !connection->net->is_dead;
}

// Handles at most NET_INPUT_BATCH messages.
static void handle_window(struct connection *connection, struct window *window)
{
    int n = 0;

    assert(window->start <= window->scanned && window->scanned <= window->size);
    if (connection->long_message) {
        handle_long(connection, window);
        return;
    }
    while (window->scanned < window->size && n < NET_INPUT_BATCH && may_handle(connection)) {
        size_t consumed;
        enum framer_status status = framer_feed(&connection->framer, window->data + window->scanned,
                                                window->size - window->scanned, &consumed);

        window->scanned += consumed;
        if (status == FRAMER_ERROR && framer_is_too_long(&connection->framer)) {
            begin_long(connection, window);
            return;
        }
        if (status == FRAMER_ERROR) {
            reject_input(connection, (struct slice){window->data + window->start,
                                                    window->size - window->start});
            return;
        }
        if (status == FRAMER_DONE) {
            size_t start = window->start;

            window->start = window->scanned;
            n++;
            deliver_message(connection,
                            (struct slice){window->data + start, window->scanned - start});
            if (connection->is_taken) {
                connection->is_taken = false;
                *window = (struct window){connection->input.data, connection->input.size, 0, 0};
            }
        } else if (framer_is_idle(&connection->framer)) {
            window->start = window->scanned; // only white space so far
        }
    }
}

// Closes the connection if the peer has finished sending and everything is handled. The peer may
// still read the answers, so they are sent first.
static void check_end(struct connection *connection)
{
    if (connection->is_at_end && connection->state == CONNECTION_OPEN &&
        connection->scanned == connection->input.size) {
        connection_close_at(connection, connection_end_level(connection),
                            connection->input.size
                                ? "connection closed by peer in the middle of a message"
                                : "connection closed by peer");
    }
}

// True if input can be received that no epoll event will report (buffered by TLS).
static bool is_pending(const struct connection *connection)
{
    return !connection->is_at_end && connection->stream.ops->pending(&connection->stream);
}

// Called when the unhandled input has been stored. Schedules the handling of the rest, and decides
// whether to wait for more.
static void schedule_input(struct connection *connection)
{
    assert(connection->scanned <= connection->input.size);
    if (may_handle(connection) &&
        (connection->scanned < connection->input.size || is_pending(connection))) {
        list_remove(&connection->in_input_ready);
        list_push_back(&connection->net->input_ready, &connection->in_input_ready);
        net_arm(connection->net);
    }
    check_end(connection);
    connection_update_events(connection);
}

// Handles input in the connection's own buffer.
static void handle_own(struct connection *connection)
{
    struct window window = {connection->input.data, connection->input.size, 0, connection->scanned};

    handle_window(connection, &window);
    if (connection->state != CONNECTION_OPEN) {
        return;
    }
    connection->scanned = window.scanned - window.start;
    if (window.start == window.size) {
        buf_done(&connection->input);
    } else if (connection->input.capacity > 4 * NET_READ_SIZE &&
               window.size - window.start <= NET_READ_SIZE) {
        struct buf rest = {0}; // a big message was handled: free its memory

        buf_put(&rest, window.data + window.start, window.size - window.start);
        buf_done(&connection->input);
        connection->input = rest;
    } else if (window.start) {
        buf_consume(&connection->input, window.start);
    }
    schedule_input(connection);
}

// Appends to the connection's own buffer. Where messages may be whole databases, a buffer that has
// become large gets a large reserve, of which only what is used takes memory: realloc() can move
// such a block without copying it, and would copy smaller ones in a step that takes long.
static void store_input(struct connection *connection, const char *data, size_t size)
{
    struct buf *input = &connection->input;

    if (input->size > LARGE_INPUT && input->capacity < INPUT_RESERVE &&
        connection->framer.max_size >= NET_LONGEST_MESSAGE) {
        buf_reserve(input, INPUT_RESERVE - input->size);
    }
    buf_put(input, data, size);
}

// Handles input in the net's buffer and stores the rest in the connection's own.
static void handle_shared(struct connection *connection, size_t size)
{
    struct window window = {connection->net->read_buffer, size, 0, 0};

    assert(!connection->input.size);
    handle_window(connection, &window);
    if (connection->state != CONNECTION_OPEN) {
        return;
    }
    buf_put(&connection->input, window.data + window.start, window.size - window.start);
    connection->scanned = window.scanned - window.start;
    schedule_input(connection);
}

void input_receive(struct connection *connection)
{
    struct net *net = connection->net;
    ssize_t n;

    assert(connection->state == CONNECTION_OPEN);
    n = connection->stream.ops->recv(&connection->stream, net->read_buffer, NET_READ_SIZE);
    if (n == -EAGAIN) {
        return;
    }
    if (n < 0) {
        connection_die(connection, connection_end_level(connection),
                       connection->stream.ops->error(&connection->stream, (int)-n));
        return;
    }
    probe_alive(&connection->probe, net_now(net));
    COUNT_N(bytes_received, n);
    connection->n_received += (uint64_t)n;
    if (!n) {
        connection->is_at_end = true;
        schedule_input(connection);
    } else if (connection->input.size) {
        store_input(connection, net->read_buffer, (size_t)n);
        handle_own(connection);
    } else {
        handle_shared(connection, (size_t)n);
    }
}

void input_continue(struct connection *connection)
{
    if (!may_handle(connection)) {
        return;
    }
    if (connection->scanned < connection->input.size) {
        handle_own(connection);
    } else if (!connection->is_at_end) {
        input_receive(connection);
    }
}

void input_resume(struct connection *connection)
{
    schedule_input(connection);
}
