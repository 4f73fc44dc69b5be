// SPDX-License-Identifier: Apache-2.0
// A follower sends the requests of its clients that may change the database to the leader, where a
// session of the follower executes them. The reply names the entry of the log that the follower
// must have applied before its client gets the reply: then the client sees its own change.
//
//     client --> session --> request ==REQUEST==> proxy --> session of the leader
//     client <-- session <-- request <==REPLY==== proxy <-- reply, when it is committed
//
// A request whose reply can be lost, because the leader has changed or a connection has ended, ends
// with an error which says so; it is never sent twice.
#include "daemon/cluster/clusters_private.h"

#include "basic/buf.h"
#include "basic/log.h"
#include "json/framer.h"
#include "json/message.h"

#include <assert.h>
#include <inttypes.h>

LOG_MODULE(cluster);

// A request that was sent to the leader.
struct request {
    struct clustered *clustered;
    struct list node; // clustered->requests, in the order of sending
    struct trigger *trigger;
    uint64_t number;
    bool is_lost, is_answered, is_error;
    uint64_t index; // of the answer
    struct buf answer;
};

// A reply of the leader that is not sent yet, or a piece of it.
struct reply {
    struct list node; // proxy->replies
    struct proxy *proxy;
    uint64_t number;
    bool is_error;
    bool is_due; // committed
    struct position_waiter waiter;
    struct buf text;
};

// The session of another member at this server.
struct proxy {
    struct clustered *clustered;
    struct list node; // clustered->proxies
    struct uuid peer;
    struct session *session;
    bool is_closing;
    bool has_sent; // replies, which are lost if the connection that they went to ends
    struct framer framer;
    struct buf output; // the beginning of a message
    struct position position;
    struct list replies; // in the order of the session's output
};

// The follower

static void request_free(struct request *request)
{
    list_remove(&request->node);
    buf_done(&request->answer);
    free(request);
}

static void send_to_leader(struct clustered *clustered, enum wire_kind kind, uint64_t number)
{
    const struct wire_message message = {.kind = kind, .client = {.number = number}};

    peers_send(clustered->peers, clustered->leader, &message);
}

static void *on_forward(void *userdata, const char *method, struct slice params,
                        struct trigger *trigger)
{
    struct clustered *clustered = userdata;
    struct request *request = NEW(struct request);
    const struct wire_message message = {
        .kind = WIRE_REQUEST,
        .client = {.number = ++clustered->last_number, .method = method, .params = params},
    };

    request->clustered = clustered;
    request->trigger = trigger;
    request->number = clustered->last_number;
    request->is_lost = !peers_send(clustered->peers, clustered->leader, &message);
    list_push_back(&clustered->requests, &request->node);
    return request;
}

static void on_cancel(void *userdata, void *request_)
{
    const struct request *request = request_;

    send_to_leader(request->clustered, WIRE_CANCEL, request->number);
}

static void on_drop(void *userdata, void *request_)
{
    struct request *request = request_;

    if (!request->is_answered && !request->is_lost) {
        send_to_leader(request->clustered, WIRE_CANCEL, request->number);
    }
    request_free(request);
}

const struct forwarder clustered_forwarder = {on_forward, on_cancel, on_drop};

// Answers the requests whose answers are known and may be shown.
static void answer_requests(struct clustered *clustered, uint64_t applied_index)
{
    struct request *request, *next;

    LIST_FOREACH_SAFE (request, next, &clustered->requests, node) {
        struct trigger *trigger = request->trigger;

        if (request->is_lost) {
            request_free(request);
            server_forwarded(trigger, FORWARDED_LOST, SLICE_EMPTY);
        } else if (request->is_answered && request->index <= applied_index) {
            _cleanup_buf_ struct buf answer = request->answer;
            enum forwarded_outcome outcome = request->is_error ? FORWARDED_ERROR : FORWARDED_RESULT;

            request->answer = (struct buf){0};
            request_free(request);
            server_forwarded(trigger, outcome, buf_slice(&answer));
        }
    }
}

static void lose_requests(struct clustered *clustered)
{
    struct request *request;

    LIST_FOREACH (request, &clustered->requests, node) {
        request->is_lost = !request->is_answered;
    }
}

static void receive_reply(struct clustered *clustered, struct uuid from,
                          const struct wire_client *reply)
{
    struct request *request;

    if (!uuid_equals(from, clustered->leader)) {
        return;
    }
    LIST_FOREACH (request, &clustered->requests, node) {
        if (request->number == reply->number && !request->is_answered) {
            request->is_answered = true;
            request->is_error = reply->is_error;
            request->index = reply->index;
            buf_put_slice(&request->answer, reply->params);
            break;
        }
    }
    answer_requests(clustered, member_applied_index(clustered->member));
}

// The leader

static void reply_free(struct reply *reply)
{
    position_waiter_cancel(&reply->waiter);
    list_remove(&reply->node);
    buf_done(&reply->text);
    free(reply);
}

static void proxy_free(struct proxy *proxy)
{
    while (!list_is_empty(&proxy->replies)) {
        reply_free(LIST_FIRST(&proxy->replies, struct reply, node));
    }
    list_remove(&proxy->node);
    session_free(proxy->session);
    buf_done(&proxy->output);
    free(proxy);
}

// Sends the replies that are committed, in their order.
static void proxy_send(struct proxy *proxy)
{
    struct clustered *clustered = proxy->clustered;

    while (!list_is_empty(&proxy->replies)) {
        struct reply *reply = LIST_FIRST(&proxy->replies, struct reply, node);
        const struct wire_message message = {
            .kind = WIRE_REPLY,
            .client = {.number = reply->number,
                       .params = buf_slice(&reply->text),
                       .is_error = reply->is_error,
                       .index = member_applied_index(clustered->member)},
        };

        if (!reply->is_due || !peers_send(clustered->peers, proxy->peer, &message)) {
            return;
        }
        proxy->has_sent = true;
        reply_free(reply);
    }
}

static void on_settled(struct position_waiter *waiter, bool is_lost)
{
    struct reply *reply = CONTAINER_OF(waiter, struct reply, waiter);

    if (is_lost) {
        reply_free(reply); // the follower learns that the leader has changed
    } else {
        reply->is_due = true;
        proxy_send(reply->proxy);
    }
}

static void proxy_add_reply(struct proxy *proxy, struct slice text)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct message message;
    struct reply *reply;
    const char *error = message_parse(text, &scratch, &message);
    _cleanup_free_ char *id = NULL;

    assert(!error); // the session has written it
    if (message.type != MESSAGE_REPLY && message.type != MESSAGE_ERROR) {
        return;
    }
    id = xstrndup(message.id.data, message.id.size);
    reply = NEW(struct reply);
    reply->proxy = proxy;
    reply->number = strtoull(id, NULL, 10);
    reply->is_error = message.type == MESSAGE_ERROR;
    buf_put_slice(&reply->text, reply->is_error ? message.error : message.result);
    list_push_back(&proxy->replies, &reply->node);
    list_init(&reply->waiter.node);
    if (position_is_durable(proxy->position)) {
        reply->is_due = true;
        proxy_send(proxy);
    } else {
        position_wait(proxy->position, &reply->waiter, on_settled);
    }
}

// Puts the pieces of the session's output together to messages.
static void on_output(void *userdata, struct slice text, struct position position)
{
    struct proxy *proxy = userdata;

    if (position.log) {
        proxy->position = position;
    }
    while (text.size) {
        size_t consumed;
        enum framer_status status = framer_feed(&proxy->framer, text.data, text.size, &consumed);

        assert(status != FRAMER_ERROR);
        buf_put_slice(&proxy->output, (struct slice){text.data, consumed});
        text = (struct slice){text.data + consumed, text.size - consumed};
        if (status == FRAMER_DONE) {
            _cleanup_buf_ struct buf message = proxy->output;

            proxy->output = (struct buf){0};
            proxy_add_reply(proxy, buf_slice(&message));
        }
    }
}

static void on_output_shared(void *userdata, struct text *text, struct position position)
{
    on_output(userdata, text_slice(text), position);
}

static size_t on_backlog(void *userdata)
{
    return 0;
}

static void on_hold(void *userdata, bool on)
{
}

static void on_close(void *userdata, const char *reason)
{
    struct proxy *proxy = userdata;

    proxy->is_closing = true; // the next request makes a new session
}

static struct proxy *proxy_new(struct clustered *clustered, struct uuid peer)
{
    static const struct session_sink sink = {
        .send = on_output,
        .send_shared = on_output_shared,
        .backlog = on_backlog,
        .hold = on_hold,
        .close = on_close,
    };
    const struct cluster_server *server = servers_find(member_servers(clustered->member), peer);
    const struct session_options options = {
        .name = server ? server->address : "cluster",
        .owns_locks = true, // forward.c has checked those of the clients
    };
    struct proxy *proxy = NEW(struct proxy);

    proxy->clustered = clustered;
    proxy->peer = peer;
    list_init(&proxy->replies);
    framer_init(&proxy->framer, SIZE_MAX);
    list_push_back(&clustered->proxies, &proxy->node);
    proxy->session = session_new(clustered->clusters->server, &sink, proxy, &options);
    return proxy;
}

static struct proxy *proxy_find(struct clustered *clustered, struct uuid peer)
{
    struct proxy *proxy, *next;

    LIST_FOREACH_SAFE (proxy, next, &clustered->proxies, node) {
        if (proxy->is_closing) {
            proxy_free(proxy);
        } else if (uuid_equals(proxy->peer, peer)) {
            return proxy;
        }
    }
    return NULL;
}

// Tells the follower that its requests and their replies are lost.
static void refuse(struct clustered *clustered, struct uuid peer)
{
    const struct wire_message message = {.kind = WIRE_CLIENT_GONE};

    peers_send(clustered->peers, peer, &message);
}

static void receive_request(struct clustered *clustered, struct uuid from,
                            const struct wire_client *request)
{
    struct proxy *proxy = proxy_find(clustered, from);
    _cleanup_buf_ struct buf text = {0};
    char id[24];

    if (!clustered_leads(clustered)) {
        refuse(clustered, from);
        return;
    }
    if (!proxy) {
        proxy = proxy_new(clustered, from);
    }
    snprintf(id, sizeof(id), "%" PRIu64, request->number);
    message_put_request(&text, slice_of(request->method), request->params, slice_of(id));
    session_receive(proxy->session, buf_slice(&text), clock_monotonic());
}

static void receive_cancel(struct clustered *clustered, struct uuid from,
                           const struct wire_client *request)
{
    struct proxy *proxy = proxy_find(clustered, from);
    _cleanup_buf_ struct buf text = {0};
    char params[28];

    if (proxy) {
        snprintf(params, sizeof(params), "[%" PRIu64 "]", request->number);
        message_put_request(&text, SLICE("cancel"), slice_of(params), SLICE("null"));
        session_receive(proxy->session, buf_slice(&text), clock_monotonic());
    }
}

static void free_proxies(struct clustered *clustered)
{
    while (!list_is_empty(&clustered->proxies)) {
        struct proxy *proxy = LIST_FIRST(&clustered->proxies, struct proxy, node);

        refuse(clustered, proxy->peer);
        proxy_free(proxy);
    }
}

// Both

void requests_init(struct clustered *clustered)
{
    list_init(&clustered->requests);
    list_init(&clustered->proxies);
    clustered->last_number = uuid_random().lo >> 2; // numbers of a former process are unknown
}

void requests_receive(struct clustered *clustered, struct uuid from,
                      const struct wire_message *message)
{
    switch (message->kind) {
    case WIRE_REQUEST:
        receive_request(clustered, from, &message->client);
        break;
    case WIRE_CANCEL:
        receive_cancel(clustered, from, &message->client);
        break;
    case WIRE_REPLY:
        receive_reply(clustered, from, &message->client);
        break;
    case WIRE_CLIENT_GONE:
        if (uuid_equals(from, clustered->leader)) {
            lose_requests(clustered);
            answer_requests(clustered, member_applied_index(clustered->member));
        }
        break;
    default:
        break;
    }
}

void requests_update(struct clustered *clustered, struct uuid leader, uint64_t applied_index)
{
    if (!uuid_equals(leader, clustered->leader)) {
        lose_requests(clustered);
        clustered->leader = leader;
    }
    if (!clustered_leads(clustered)) {
        free_proxies(clustered);
    }
    answer_requests(clustered, applied_index);
}

void requests_connected(struct clustered *clustered, struct uuid peer, bool is_connected)
{
    struct proxy *proxy = proxy_find(clustered, peer);

    if (!is_connected && uuid_equals(peer, clustered->leader)) {
        lose_requests(clustered);
        answer_requests(clustered, member_applied_index(clustered->member));
    }
    if (!proxy || !is_connected) {
        return;
    }
    // A new connection: replies to the one before may be lost.
    if (proxy->has_sent) {
        proxy_free(proxy);
        refuse(clustered, peer);
    } else {
        proxy_send(proxy);
    }
}

void requests_done(struct clustered *clustered)
{
    free_proxies(clustered);
    while (!list_is_empty(&clustered->requests)) {
        request_free(LIST_FIRST(&clustered->requests, struct request, node));
    }
}
