// SPDX-License-Identifier: Apache-2.0
// The callbacks of the connection only queue messages and set flags. The functions of client.h run
// the event loop, one turn at a time, until what they wait for is in the queue or a flag is set.
#include "tools/client.h"

#include "basic/list.h"
#include "net/net.h"
#include "net/tls/options.h"
#include "tools/progress_bar.h"
#include "tools/tool.h"
#include "json/cursor.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#define PROGRESS_USEC (100 * USEC_PER_MSEC)

struct queued {
    struct list node;
    struct text *text;
};

struct client {
    char **servers;
    size_t n_servers;
    size_t current;   // index of the server it is connected to, or connects to
    struct buf tried; // the servers before, with the reasons why they were left
    bool has_cid;
    struct uuid cid;
    enum client_retry retry;
    bool has_chosen; // client_stay() was called
    sd_event *event;
    struct net *net;
    struct remote *remote;
    struct connection *connection; // NULL while there is none
    char *reason;                  // why the connection was lost
    bool lost;                     // the connection was lost, and there is no new one
    bool stopped;                  // client_stop() was called
    bool has_heard;                // the current server has sent a message
    uint64_t next_id;
    struct list messages;
    void (*sent)(void *userdata); // or NULL
    void *sent_userdata;
    void (*stop)(void *userdata); // or NULL
    void *stop_userdata;
    const struct progress *progress; // NULL: none is shown
    size_t to_send;                  // size of the last request, for the progress
};

static void on_opened(struct connection *connection)
{
    struct client *client = remote_userdata(connection_remote(connection));

    if (client->connection) {
        // A listener accepts only one server.
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

    if (!client || connection != client->connection) {
        return;
    }
    client->has_heard = true;
    queued = NEW(struct queued);
    queued->text = text_new(text);
    list_push_back(&client->messages, &queued->node);
}

static void on_closed(struct connection *connection, const char *reason)
{
    struct client *client = connection_userdata(connection);

    if (client && connection == client->connection) {
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

static void report_progress(struct client *client)
{
    size_t unsent = connection_backlog(client->connection);
    size_t received = connection_unread(client->connection);

    client->to_send = MAX(client->to_send, unsent);
    if (unsent) {
        progress_step(client->progress, "sending", client->to_send - unsent, client->to_send);
    } else {
        progress_step(client->progress, received ? "receiving" : "waiting for the server", received,
                      0);
    }
}

static void run_loop(struct client *client)
{
    int r = sd_event_run(client->event, client->progress ? PROGRESS_USEC : UINT64_MAX);

    if (r < 0) {
        tool_fail_errno(-r, "event loop");
    }
    if (client->progress && client->connection) {
        report_progress(client);
    }
}

void client_show_progress(struct client *client, bool on)
{
    client->progress = on ? progress_bar() : NULL;
}

static bool uses_tls(const char *server)
{
    return !strncmp(server, "ssl:", 4) || !strncmp(server, "pssl:", 5);
}

static void connect_current(struct client *client)
{
    struct remote_options options = REMOTE_OPTIONS_DEFAULT;
    _cleanup_failure_ struct failure *failure = NULL;

    options.no_retry = client->retry == CLIENT_NO_RETRY || client->n_servers > 1;
    failure = remote_new(client->net, client_server(client), &options, client, &client->remote);
    if (failure) {
        tool_fail("failed to connect or listen to \"%s\" (%s)", client_server(client),
                  failure_text(failure));
    }
}

static void queued_free(struct queued *queued)
{
    list_remove(&queued->node);
    text_unref(queued->text);
    free(queued);
}

static void disconnect(struct client *client)
{
    struct queued *queued, *next;

    client->connection = NULL; // on_closed() then ignores the connection
    client->has_heard = false;
    LIST_FOREACH_SAFE (queued, next, &client->messages, node) {
        queued_free(queued);
    }
    remote_free(client->remote);
}

static void note_failure(struct client *client, const char *reason)
{
    buf_printf(&client->tried, "%s%s (%s)", client->tried.size ? ", " : "", client_server(client),
               reason);
}

static int on_pause_over(sd_event_source *source, usec_t when, void *userdata)
{
    bool *is_over = userdata;

    *is_over = true;
    return 0;
}

// Waits a second after all servers have failed.
static void pause_rounds(struct client *client)
{
    sd_event_source *timer = NULL;
    bool is_over = false;
    int r = sd_event_add_time_relative(client->event, &timer, CLOCK_MONOTONIC, USEC_PER_SEC, 0,
                                       on_pause_over, &is_over);

    if (r < 0) {
        tool_fail_errno(-r, "event loop");
    }
    while (!is_over && !client->stopped) {
        run_loop(client);
    }
    sd_event_source_disable_unref(timer);
}

// Disconnects and connects to the next server.
static void connect_next(struct client *client, const char *reason)
{
    note_failure(client, reason);
    disconnect(client);
    if (++client->current == client->n_servers) {
        if (client->retry == CLIENT_NO_RETRY) {
            tool_fail("no server could be used: %s", buf_cstr(&client->tried));
        }
        client->current = 0;
        buf_clear(&client->tried);
        pause_rounds(client);
    }
    connect_current(client);
}

// False: client_stop() was called.
static bool wait_for_connection(struct client *client)
{
    while (!client->connection && !client->stopped) {
        struct remote_status status;

        run_loop(client);
        remote_status(client->remote, &status);
        if (client->connection || !status.last_error[0]) {
            continue;
        }
        if (client->n_servers > 1) {
            connect_next(client, status.last_error);
        } else if (client->retry == CLIENT_NO_RETRY) {
            tool_fail("failed to connect to \"%s\" (%s)", client_server(client), status.last_error);
        }
    }
    client->lost = false;
    return !client->stopped;
}

bool client_next_server(struct client *client, const char *reason)
{
    if (client->n_servers == 1 && client->retry == CLIENT_NO_RETRY) {
        tool_fail("%s: %s", client_server(client), reason);
    }
    connect_next(client, reason);
    return wait_for_connection(client);
}

// Adds an element of the list of servers. `is_only`: the list has no other. False: it is invalid.
static bool add_server(struct client *client, char *element, bool is_only)
{
    if (!strncmp(element, "cid:", 4)) {
        client->has_cid = uuid_parse(slice_of(element + 4), &client->cid);
        return client->has_cid;
    }
    if (is_only ? !remote_target_is_valid(element) : !remote_target_dials(element)) {
        return false;
    }
    client->servers = xrealloc(client->servers, (client->n_servers + 1) * sizeof(char *));
    client->servers[client->n_servers++] = xstrdup(element);
    return true;
}

// Adds all elements. NULL, or the first invalid element; caller frees.
static char *add_servers(struct client *client, const char *servers)
{
    _cleanup_free_ char *copy = xstrdup(servers);
    bool is_only = !strchr(servers, ',');
    char *rest = copy, *element;

    while ((element = strsep(&rest, ","))) {
        if (!add_server(client, element, is_only)) {
            return xstrdup(element);
        }
    }
    return NULL;
}

static void free_servers(struct client *client)
{
    for (size_t i = 0; i < client->n_servers; i++) {
        free(client->servers[i]);
    }
    free(client->servers);
}

bool client_servers_are_valid(const char *text)
{
    struct client client = {0};
    _cleanup_free_ char *wrong = add_servers(&client, text);

    free_servers(&client);
    return !wrong;
}

static void parse_servers(struct client *client, const char *servers)
{
    _cleanup_free_ char *wrong = add_servers(client, servers);

    if (wrong) {
        tool_fail_errno(EAFNOSUPPORT, "failed to connect or listen to \"%s\"", wrong);
    }
    if (!client->n_servers) {
        tool_fail("\"%s\" names no server", servers);
    }
}

static void set_tls(struct client *client, const struct tls_options *tls)
{
    struct failure *failure;
    bool is_needed = false;

    for (size_t i = 0; i < client->n_servers; i++) {
        is_needed |= uses_tls(client->servers[i]);
    }
    if (is_needed && (failure = net_set_tls(client->net, tls))) {
        tool_fail_failure(failure);
    }
}

struct client *client_open(const char *servers, const struct tls_options *tls,
                           enum client_retry retry)
{
    struct net_limits limits = NET_LIMITS_DEFAULT;
    struct client *client = NEW(struct client);
    int r;

    parse_servers(client, servers);
    client->retry = retry;
    list_init(&client->messages);
    r = sd_event_new(&client->event);
    if (r < 0) {
        tool_fail_errno(-r, "event loop");
    }
    client->net = net_new(client->event, &handler, client);
    limits.max_message = NET_LONGEST_MESSAGE;
    net_set_limits(client->net, &limits);
    set_tls(client, tls);
    connect_current(client);
    if (retry == CLIENT_NO_RETRY) {
        wait_for_connection(client);
    }
    return client;
}

void client_stay(struct client *client)
{
    client->has_chosen = true;
}

size_t client_n_servers(const struct client *client)
{
    return client->n_servers;
}

size_t client_server_index(const struct client *client)
{
    return client->current;
}

const char *client_server(const struct client *client)
{
    assert(client->current < client->n_servers);
    return client->servers[client->current];
}

const char *client_lost_reason(const struct client *client)
{
    return client->reason ? client->reason : "the connection was lost";
}

bool client_cluster(const struct client *client, struct uuid *ret)
{
    *ret = client->cid;
    return client->has_cid;
}

void client_close(struct client *client)
{
    if (!client) {
        return;
    }
    disconnect(client);
    net_free(client->net);
    sd_event_unref(client->event);
    buf_done(&client->tried);
    free_servers(client);
    free(client->reason);
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

// Moves the text of `queued` to `text` and parses it. False: it was a request; an echo request is
// replied to, others are ignored.
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
        tool_fail("%s: received a message that is no JSON-RPC message: %s", client_server(client),
                  error);
    }
    if (ret->type != MESSAGE_REQUEST) {
        return true;
    }
    if (client->connection && slice_is(ret->method, "echo")) {
        message_put_reply(&reply, ret->id, ret->params);
        connection_send(client->connection, buf_slice(&reply), POSITION_NONE);
    }
    return false;
}

// A server that expects TLS may close a connection without TLS before it has sent anything.
static noreturn void fail_lost(const struct client *client)
{
    bool may_want_tls = !client->has_heard && !strncmp(client_server(client), "tcp:", 4);

    tool_fail("%s: receive failed (%s)%s", client_server(client), client->reason,
              may_want_tls ? "; the server may expect TLS (ssl: instead of tcp:)" : "");
}

static enum client_result call_stopped(struct client *client)
{
    if (client->stop) {
        client->stop(client->stop_userdata);
    }
    return CLIENT_STOPPED;
}

// Waits for a message that `wanted` accepts; other messages stay in the queue. `id` is the argument
// of `wanted`.
static enum client_result receive_message(struct client *client, uint64_t id,
                                          bool (*wanted)(const struct message *message,
                                                         uint64_t id),
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
            return call_stopped(client);
        }
        if (client->lost && (client->retry == CLIENT_RETRY || !client->has_chosen)) {
            return CLIENT_LOST;
        }
        if (!client->connection) {
            fail_lost(client);
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

    client->to_send = 0;
    snprintf(text, sizeof(text), "%lu", (unsigned long)id);
    message_put_request(&request, slice_of(method), params, slice_of(text));
    connection_send(client->connection, buf_slice(&request), POSITION_NONE);
    return id;
}

// If client_on_sent() has set a function, waits until all output is sent and calls it.
static void wait_until_sent(struct client *client)
{
    void (*sent)(void *userdata) = TAKE_PTR(client->sent);

    while (sent && client->connection && !client->stopped &&
           connection_backlog(client->connection)) {
        run_loop(client);
    }
    if (sent && client->connection) {
        sent(client->sent_userdata);
    }
}

enum client_result client_call(struct client *client, const char *method, struct slice params,
                               struct buf *ret)
{
    _cleanup_buf_ struct buf text = {0};
    enum client_result result;
    struct message reply;
    uint64_t id;

    if (!client->connection && client->has_chosen) {
        fail_lost(client);
    }
    if (!client->connection && client->retry == CLIENT_NO_RETRY) {
        return CLIENT_LOST;
    }
    if (!client->connection && !wait_for_connection(client)) {
        return call_stopped(client);
    }
    id = send_request(client, method, params);
    wait_until_sent(client);
    result = receive_message(client, id, is_reply_to, &text, &reply);
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
    return receive_message(client, 0, is_anything, text, ret) == CLIENT_RESULT;
}

void client_on_sent(struct client *client, void (*sent)(void *userdata), void *userdata)
{
    client->sent = sent;
    client->sent_userdata = userdata;
}

void client_on_stop(struct client *client, void (*stop)(void *userdata), void *userdata)
{
    client->stop = stop;
    client->stop_userdata = userdata;
}

bool client_handle_tls_option(struct tls_options *tls, int c)
{
    struct failure *failure;
    bool is_handled = tls_options_handle(tls, c, optarg, &failure);

    if (failure) {
        tool_fail_failure(failure);
    }
    return is_handled;
}
