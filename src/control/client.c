// SPDX-License-Identifier: Apache-2.0
//     READING --whole message--> RUNNING --answer--> WRITING --all sent--> READING
// The end of the input in READING ends the client; in the other states the answer is sent first.
#include "control/client.h"

#include "basic/log.h"
#include "control/dialect.h"
#include "json/tree.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define READ_SIZE 16384

LOG_MODULE(unixctl);

enum client_state { CLIENT_READING, CLIENT_RUNNING, CLIENT_WRITING, CLIENT_ENDED };

struct client_call {
    struct command_call call;
    struct control_client *client; // NULL: it has gone
};

struct control_client {
    struct control_client_owner owner;
    const struct command_registry *registry;
    const struct dialect *dialect;
    void *dialect_state;
    sd_event_source *source;
    int fd;
    enum client_state state;
    bool has_dialect; // the first message has told
    bool close_after_write;
    struct client_call *call; // RUNNING
    struct buf in;
    size_t scanned; // bytes of `in` that the dialect has seen
    struct buf out;
};

static void set_state(struct control_client *client, enum client_state state)
{
    static const uint32_t events[] = {
        [CLIENT_READING] = EPOLLIN,
        [CLIENT_RUNNING] = 0,
        [CLIENT_WRITING] = EPOLLOUT,
        [CLIENT_ENDED] = 0,
    };

    if (client->state == state || client->state == CLIENT_ENDED) {
        return;
    }
    client->state = state;
    sd_event_source_set_io_events(client->source, events[state]);
    if (state == CLIENT_ENDED) {
        sd_event_source_set_enabled(client->source, SD_EVENT_OFF);
        client->owner.ended(client, client->owner.userdata);
    }
}

// Sends what the socket takes. True when all is sent.
static bool send_some(struct control_client *client)
{
    while (client->out.size) {
        ssize_t n = send(client->fd, client->out.data, client->out.size, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno != EAGAIN) {
            log_dbg("sending an answer failed: %s", strerror(errno));
            set_state(client, CLIENT_ENDED);
        }
        if (n < 0) {
            return false;
        }
        buf_consume(&client->out, (size_t)n);
    }
    return true;
}

static void answer(struct control_client *client, bool is_error, const char *text)
{
    client->dialect->encode(client->dialect_state, is_error, text, &client->out);
    set_state(client, CLIENT_WRITING);
}

static void on_done(struct command_call *base, bool is_error, const char *text)
{
    struct client_call *call = CONTAINER_OF(base, struct client_call, call);

    if (call->client) {
        call->client->call = NULL;
        answer(call->client, is_error, text);
    }
    free(call);
}

static void run(struct control_client *client, char **argv)
{
    struct client_call *call = NEW(struct client_call);
    int argc = 0;

    while (argv[argc]) {
        argc++;
    }
    log_dbg("running %s with %d arguments", argv[0], argc - 1);
    call->call.done = on_done;
    call->client = client;
    client->call = call;
    set_state(client, CLIENT_RUNNING);
    command_registry_run(client->registry, &call->call, argc, argv);
    for (int i = 0; i < argc; i++) {
        free(argv[i]);
    }
    free(argv);
}

static void handle_message(struct control_client *client, size_t size)
{
    struct slice message = {client->in.data, size};
    char **argv = NULL;
    const char *error =
        client->dialect->decode(client->dialect_state, message, &argv, &client->out);

    buf_consume(&client->in, size);
    client->scanned = 0;
    if (error) {
        log_dbg("refused a request: %s", error);
        client->close_after_write = true;
        answer(client, true, error);
    } else if (!argv) {
        set_state(client, CLIENT_WRITING); // the dialect has answered
    } else {
        run(client, argv);
    }
}

// True for a call of varlink, whose end is not known yet.
static bool is_varlink(struct slice message)
{
    _cleanup_free_ char *error = NULL;
    _cleanup_tree_ json_t *call = tree_parse(message, &error);

    return json_object_get(call, "method") && !json_object_get(call, "id");
}

static void process(struct control_client *client);

static void handle_first_message(struct control_client *client, size_t size)
{
    client->has_dialect = true;
    if (!is_varlink((struct slice){client->in.data, size})) {
        handle_message(client, size);
        return;
    }
    client->dialect->state_free(client->dialect_state);
    client->dialect = &dialect_varlink;
    client->dialect_state = client->dialect->state_new(client->registry);
    client->scanned = 0;
    process(client);
}

// Takes the next message out of the input, if it is complete.
static void process(struct control_client *client)
{
    static struct log_limit limit = LOG_LIMIT_INIT(10, 5);
    struct slice unseen = {client->in.data + client->scanned, client->in.size - client->scanned};
    const char *reason = NULL;
    size_t size = 0;

    if (client->state != CLIENT_READING || !unseen.size) {
        return;
    }
    switch (client->dialect->scan(client->dialect_state, unseen, &size, &reason)) {
    case DIALECT_MORE:
        client->scanned = client->in.size;
        return;
    case DIALECT_MESSAGE:
        if (client->has_dialect) {
            handle_message(client, size);
        } else {
            handle_first_message(client, size);
        }
        return;
    case DIALECT_ERROR:
        log_limited(&limit, LOG_LEVEL_WARN, "closed a control connection: %s", reason);
        set_state(client, CLIENT_ENDED);
        return;
    }
}

static void on_readable(struct control_client *client)
{
    ssize_t n = recv(client->fd, buf_reserve(&client->in, READ_SIZE), READ_SIZE, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        set_state(client, CLIENT_ENDED);
        return;
    }
    client->in.size += (size_t)n;
    process(client);
}

static void on_writable(struct control_client *client)
{
    if (!send_some(client)) {
        return;
    }
    if (client->close_after_write) {
        set_state(client, CLIENT_ENDED);
        return;
    }
    set_state(client, CLIENT_READING);
    process(client);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct control_client *client = userdata;

    if (client->state == CLIENT_READING && revents & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        on_readable(client);
    } else if (client->state == CLIENT_WRITING && revents & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
        on_writable(client);
    } else if (revents & (EPOLLHUP | EPOLLERR)) {
        set_state(client, CLIENT_ENDED);
    }
    return 0;
}

int control_client_new(sd_event *event, const struct command_registry *registry, int fd,
                       const struct control_client_owner *owner, struct control_client **ret)
{
    struct control_client *client = NEW(struct control_client);
    int r = sd_event_add_io(event, &client->source, fd, EPOLLIN, on_io, client);

    if (r < 0) {
        free(client);
        return r;
    }
    sd_event_source_set_description(client->source, "control-client");
    sd_event_source_set_priority(client->source, SD_EVENT_PRIORITY_IMPORTANT);
    client->owner = *owner;
    list_init(&client->owner.node);
    client->registry = registry;
    client->dialect = &dialect_appctl;
    client->dialect_state = client->dialect->state_new(registry);
    client->fd = fd;
    *ret = client;
    return 0;
}

struct control_client_owner *control_client_owner(struct control_client *client)
{
    return &client->owner;
}

struct control_client *control_client_of(struct list *node)
{
    return CONTAINER_OF(node, struct control_client, owner.node);
}

void control_client_free(struct control_client *client)
{
    if (!client) {
        return;
    }
    if (client->call) {
        client->call->client = NULL;
    }
    list_remove(&client->owner.node);
    sd_event_source_unref(client->source);
    close(client->fd);
    client->dialect->state_free(client->dialect_state);
    buf_done(&client->in);
    buf_done(&client->out);
    free(client);
}

void control_client_flush(struct control_client *client, usec_t timeout)
{
    usec_t end = clock_monotonic() + timeout;

    while (client->state == CLIENT_WRITING && !send_some(client) &&
           client->state == CLIENT_WRITING) {
        usec_t now = clock_monotonic();
        struct pollfd pollfd = {.fd = client->fd, .events = POLLOUT};

        if (now >= end || poll(&pollfd, 1, (int)((end - now) / USEC_PER_MSEC) + 1) <= 0) {
            return;
        }
    }
}
