// SPDX-License-Identifier: Apache-2.0
// The connection's callbacks only take notes: messages go into a ring, the loss of the connection
// is a flag. The calls run the loop one turn at a time until a note answers them.
#include "tools/client.h"

#include "basic/list.h"
#include "net/net.h"
#include "tools/tool.h"
#include "json/cursor.h"

#include <errno.h>
#include <stdio.h>

struct queued {
    struct list node;
    struct text *text;
};

struct client {
    char *server;
    enum client_retry retry;
    sd_event *event;
    struct net *net;
    struct remote *remote;
    struct connection *connection; // NULL while there is none
    char *reason;                  // why the connection was lost
    bool lost;                     // since the last call began
    bool stopped;
    uint64_t next_id;
    struct list messages;
};

static void on_opened(struct connection *connection)
{
    struct client *client = remote_userdata(connection_remote(connection));

    if (client->connection) {
        // A listener that already has its server.
        connection_close(connection, "one connection is enough");
        return;
    }
    connection_set_userdata(connection, client);
    client->connection = connection;
}

static void on_message(struct connection *connection, struct slice text)
{
    struct client *client = connection_userdata(connection);
    struct queued *queued;

    if (!client) {
        return;
    }
    queued = NEW(struct queued);
    queued->text = text_new(text);
    list_push_back(&client->messages, &queued->node);
}

static void on_closed(struct connection *connection, const char *reason)
{
    struct client *client = connection_userdata(connection);

    if (client) {
        free(client->reason);
        client->reason = xstrdup(reason);
        client->connection = NULL;
        client->lost = true;
    }
}

static const struct net_handler handler = {
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

static void run_loop(struct client *client)
{
    int r = sd_event_run(client->event, UINT64_MAX);

    if (r < 0) {
        tool_fail_errno(-r, "event loop");
    }
}

// False: client_stop() was called.
static bool wait_for_connection(struct client *client)
{
    while (!client->connection && !client->stopped) {
        struct remote_status status;

        run_loop(client);
        remote_status(client->remote, &status);
        if (client->retry == CLIENT_NO_RETRY && !client->connection && status.last_error[0]) {
            tool_fail("failed to connect to \"%s\" (%s)", client->server, status.last_error);
        }
    }
    client->lost = false;
    return !client->stopped;
}

static bool uses_tls(const char *server)
{
    return !strncmp(server, "ssl:", 4) || !strncmp(server, "pssl:", 5);
}

struct client *client_open(const char *server, const struct tls_options *tls,
                           enum client_retry retry)
{
    struct remote_options options = REMOTE_OPTIONS_DEFAULT;
    struct net_limits limits = NET_LIMITS_DEFAULT;
    struct client *client = NEW(struct client);
    _cleanup_free_ char *error = NULL;
    int r;

    client->server = xstrdup(server);
    client->retry = retry;
    list_init(&client->messages);
    if (!remote_target_is_valid(server)) {
        tool_fail_errno(EAFNOSUPPORT, "failed to connect or listen to \"%s\"", server);
    }
    r = sd_event_new(&client->event);
    if (r < 0) {
        tool_fail_errno(-r, "event loop");
    }
    client->net = net_new(client->event, &handler, client);
    limits.max_message = NET_LONGEST_MESSAGE;
    net_set_limits(client->net, &limits);
    options.no_retry = retry == CLIENT_NO_RETRY;
    if (uses_tls(server) && net_set_tls(client->net, tls, &error) < 0) {
        tool_fail("%s", error);
    }
    r = remote_new(client->net, server, &options, client, &client->remote, &error);
    if (r < 0) {
        tool_fail("failed to connect or listen to \"%s\" (%s)", server,
                  error ? error : strerror(-r));
    }
    wait_for_connection(client);
    return client;
}

static void queued_free(struct queued *queued)
{
    list_remove(&queued->node);
    text_unref(queued->text);
    free(queued);
}

void client_close(struct client *client)
{
    struct queued *queued, *next;

    if (!client) {
        return;
    }
    LIST_FOREACH_SAFE (queued, next, &client->messages, node) {
        queued_free(queued);
    }
    remote_free(client->remote);
    net_free(client->net);
    sd_event_unref(client->event);
    free(client->reason);
    free(client->server);
    free(client);
}

sd_event *client_event(struct client *client)
{
    return client->event;
}

void client_stop(struct client *client)
{
    client->stopped = true;
}

// Takes `queued` out of the ring into `text` and parses it. Answers an echo request; false if it
// was one.
static bool take_message(struct client *client, struct queued *queued, struct buf *text,
                         struct buf *scratch, struct message *ret)
{
    _cleanup_buf_ struct buf reply = {0};
    const char *error;

    buf_clear(text);
    buf_put_slice(text, text_slice(queued->text));
    queued_free(queued);
    error = message_parse(buf_slice(text), scratch, ret);
    if (error) {
        tool_fail("%s: received a message that is no JSON-RPC message: %s", client->server, error);
    }
    if (ret->type != MESSAGE_REQUEST) {
        return true;
    }
    if (client->connection && slice_is(ret->method, "echo")) {
        message_put_reply(&reply, ret->id, ret->params);
        connection_send(client->connection, buf_slice(&reply), 0);
    }
    return false;
}

// The next message that `wanted` accepts; others stay in the ring. `id` is its argument.
static enum client_result receive(struct client *client, uint64_t id,
                                  bool (*wanted)(const struct message *message, uint64_t id),
                                  struct buf *text, struct message *ret)
{
    static struct buf scratch; // method names with escapes: valid until the next message
    struct queued *queued, *next;

    for (;;) {
        LIST_FOREACH_SAFE (queued, next, &client->messages, node) {
            struct message peek;
            const char *error = message_parse(text_slice(queued->text), &scratch, &peek);

            if (!error && peek.type != MESSAGE_REQUEST && !wanted(&peek, id)) {
                continue;
            }
            if (take_message(client, queued, text, &scratch, ret)) {
                return CLIENT_RESULT;
            }
        }
        if (client->stopped) {
            return CLIENT_STOPPED;
        }
        if (client->lost && client->retry == CLIENT_RETRY) {
            return CLIENT_LOST;
        }
        if (!client->connection) {
            tool_fail("%s: receive failed (%s)", client->server, client->reason);
        }
        run_loop(client);
    }
}

static bool is_reply_to(const struct message *message, uint64_t id)
{
    char text[32];

    snprintf(text, sizeof(text), "%lu", (unsigned long)id);
    return (message->type == MESSAGE_REPLY || message->type == MESSAGE_ERROR) &&
           slice_is(message->id, text);
}

static bool is_anything(const struct message *message, uint64_t id)
{
    return true;
}

static uint64_t send_request(struct client *client, const char *method, struct slice params)
{
    _cleanup_buf_ struct buf request = {0};
    uint64_t id = client->next_id++;
    char text[32];

    snprintf(text, sizeof(text), "%lu", (unsigned long)id);
    message_put_request(&request, slice_of(method), params, slice_of(text));
    connection_send(client->connection, buf_slice(&request), 0);
    return id;
}

enum client_result client_call(struct client *client, const char *method, struct slice params,
                               struct buf *ret)
{
    _cleanup_buf_ struct buf text = {0};
    enum client_result result;
    struct message reply;

    if (!client->connection && !wait_for_connection(client)) {
        return CLIENT_STOPPED;
    }
    result = receive(client, send_request(client, method, params), is_reply_to, &text, &reply);
    if (result != CLIENT_RESULT) {
        return result;
    }
    buf_clear(ret);
    if (reply.type == MESSAGE_ERROR) {
        buf_put_slice(ret, reply.error);
        return CLIENT_ERROR;
    }
    buf_put_slice(ret, reply.result);
    return CLIENT_RESULT;
}

bool client_call_or_fail(struct client *client, const char *method, struct slice params,
                         struct buf *ret)
{
    enum client_result result = client_call(client, method, params, ret);

    if (result == CLIENT_ERROR) {
        tool_fail_json(buf_slice(ret), "transaction returned error");
    }
    return result == CLIENT_RESULT;
}

void client_send(struct client *client, const char *method, struct slice params)
{
    if (client->connection) {
        send_request(client, method, params);
    }
}

bool client_next(struct client *client, struct buf *text, struct message *ret)
{
    return receive(client, 0, is_anything, text, ret) == CLIENT_RESULT;
}
