// SPDX-License-Identifier: Apache-2.0
//     READING --whole message--> RUNNING --answer--> WRITING --all sent--> READING
//                                   ^                  |
//                                   |               the client has asked for more
//                                   |                  v
//                                   +---something--- WATCHING
//                                       has changed
// The end of the input in READING ends the client; in the other states the answer is sent first.
// In WATCHING a command is run again at most every WATCH_INTERVAL, and an answer that is the same
// as the one before is not sent.
#include "control/client.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "control/dialect.h"
#include "json/tree.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE      16384
#define WATCH_INTERVAL (100 * USEC_PER_MSEC)

LOG_MODULE(unixctl);

enum client_state { CLIENT_READING, CLIENT_RUNNING, CLIENT_WRITING, CLIENT_WATCHING, CLIENT_ENDED };

struct client_call {
    struct command_call call;
    struct control_client *client; // NULL: it has gone
};

struct control_client {
    struct control_client_owner owner;
    struct command_registry *registry;
    const struct dialect *dialect;
    void *dialect_state;
    sd_event_source *source;
    int fd;
    enum client_state state;
    bool has_dialect; // the first message has told
    bool close_after_write;
    struct ucred peer;        // who it is; uid -1: not known
    bool may_change;          // see command_call
    struct client_call *call; // RUNNING
    struct command_watch watch;
    char **watched;         // the command that is run again, or NULL
    json_t *last_reply;     // its
    bool has_changed;       // since it was run
    sd_event_source *timer; // the end of the dialect's patience; or when to run it again
    struct buf in;
    size_t scanned; // bytes of `in` that the dialect has seen
    struct buf out;
};

static void set_state(struct control_client *client, enum client_state state)
{
    static const uint32_t events[] = {
        [CLIENT_READING] = EPOLLIN, [CLIENT_RUNNING] = 0, [CLIENT_WRITING] = EPOLLOUT,
        [CLIENT_WATCHING] = 0,      [CLIENT_ENDED] = 0,
    };

    if (client->state == state || client->state == CLIENT_ENDED) {
        return;
    }
    client->state = state;
    sd_event_source_set_io_events(client->source, events[state]);
    if (state == CLIENT_ENDED) {
        sd_event_source_set_enabled(client->source, SD_EVENT_OFF);
        sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
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

static void stop_watching(struct control_client *client)
{
    list_remove(&client->watch.node);
    command_argv_free(TAKE_PTR(client->watched));
    json_decref(TAKE_PTR(client->last_reply));
}

static void arm_watch(struct control_client *client)
{
    client->has_changed = false;
    sd_event_source_set_time_relative(client->timer, WATCH_INTERVAL);
    sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT);
}

static void watch(struct control_client *client)
{
    set_state(client, CLIENT_WATCHING);
    if (client->has_changed) {
        arm_watch(client);
    }
}

static void on_changed(struct command_watch *base)
{
    struct control_client *client = CONTAINER_OF(base, struct control_client, watch);

    if (client->state == CLIENT_WATCHING) {
        arm_watch(client);
    } else {
        client->has_changed = true;
    }
}

static void answer(struct control_client *client, enum command_outcome outcome, const char *text,
                   json_t *reply)
{
    if (client->watched && outcome != COMMAND_DONE) {
        stop_watching(client);
    } else if (client->watched) {
        if (client->last_reply && json_equal(client->last_reply, reply)) {
            watch(client);
            return;
        }
        json_decref(client->last_reply);
        client->last_reply = json_incref(reply);
    }
    client->dialect->encode(client->dialect_state, outcome, text, reply, client->watched != NULL,
                            &client->out);
    set_state(client, CLIENT_WRITING);
}

static void log_denied(const struct control_client *client, const char *text)
{
    static struct log_limit limit = LOG_LIMIT_INIT(10, 5);
    char uid[16], pid[16];

    snprintf(uid, sizeof(uid), "%u", client->peer.uid);
    snprintf(pid, sizeof(pid), "%d", client->peer.pid);
    log_event_limited(&limit, LOG_LEVEL_WARN, MSG_CONTROL_DENIED,
                      LOG_FIELDS({"OVSDB_PEER_UID", uid}, {"OVSDB_PEER_PID", pid}),
                      "refused user %s, process %s: %s", uid, pid, text);
}

static void on_done(struct command_call *base, enum command_outcome outcome, const char *text,
                    json_t *reply)
{
    struct client_call *call = CONTAINER_OF(base, struct client_call, call);

    if (call->client) {
        if (outcome == COMMAND_DENIED) {
            log_denied(call->client, text);
        }
        call->client->call = NULL;
        answer(call->client, outcome, text, reply);
    }
    free(call);
}

static void on_set_json(struct command_call *base, bool on)
{
    const struct control_client *client = CONTAINER_OF(base, struct client_call, call)->client;

    if (client && client->dialect->set_json) {
        client->dialect->set_json(client->dialect_state, on);
    }
}

static void run(struct control_client *client, char **argv)
{
    struct client_call *call = NEW(struct client_call);
    int argc = 0;

    while (argv[argc]) {
        argc++;
    }
    log_dbg("running %s with %d arguments", argv[0], argc - 1);
    call->call = (struct command_call){on_done, on_set_json, client->may_change, NULL};
    call->client = client;
    client->call = call;
    set_state(client, CLIENT_RUNNING);
    command_registry_run(client->registry, &call->call, argc, argv);
}

// "more" of what does not only read is one answer.
static void run_request(struct control_client *client, struct dialect_request *request)
{
    const struct command *command = command_registry_find(client->registry, request->argv[0]);

    if (request->more && command && command->reads && command->method) {
        client->watched = request->argv;
        client->has_changed = false;
        command_registry_watch(client->registry, &client->watch);
        run(client, client->watched);
    } else {
        run(client, request->argv);
        command_argv_free(request->argv);
    }
}

static int on_timer(sd_event_source *source, usec_t when, void *userdata)
{
    struct control_client *client = userdata;

    if (client->state == CLIENT_WATCHING) {
        run(client, client->watched);
    } else {
        log_dbg("a client of the %s dialect took too long", client->dialect->name);
        set_state(client, CLIENT_ENDED);
    }
    return 0;
}

static void handle_message(struct control_client *client, size_t size)
{
    struct slice message = {client->in.data, size};
    struct dialect_request request = {0};
    const char *error =
        client->dialect->decode(client->dialect_state, message, &request, &client->out);

    buf_consume(&client->in, size);
    client->scanned = 0;
    client->close_after_write = error || client->dialect->is_one_shot;
    if (error) {
        log_dbg("refused a request: %s", error);
        answer(client, COMMAND_FAILED, error, NULL);
    } else if (!request.argv) {
        set_state(client, CLIENT_WRITING); // the dialect has answered
    } else {
        run_request(client, &request);
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
    if (client->watched) {
        watch(client);
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

static int add_sources(struct control_client *client, sd_event *event)
{
    usec_t patience = client->dialect->patience;
    int r = sd_event_add_io(event, &client->source, client->fd, EPOLLIN, on_io, client);

    if (r >= 0) {
        r = sd_event_add_time_relative(event, &client->timer, CLOCK_MONOTONIC, patience, 0,
                                       on_timer, client);
    }
    if (r < 0) {
        return r;
    }
    sd_event_source_set_description(client->source, "control-client");
    sd_event_source_set_description(client->timer, "control-client-timer");
    sd_event_source_set_priority(client->source, SD_EVENT_PRIORITY_IMPORTANT);
    return sd_event_source_set_enabled(client->timer, patience ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

// Root and the user that the server runs as are trusted. Of a peer that is not a local process
// nobody knows who it is.
static void identify(struct control_client *client)
{
    socklen_t size = sizeof(client->peer);

    if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &client->peer, &size)) {
        client->peer = (struct ucred){.uid = (uid_t)-1};
    }
    client->may_change = client->peer.uid == 0 || client->peer.uid == geteuid();
}

int control_client_new(sd_event *event, struct command_registry *registry, enum control_kind kind,
                       int fd, const struct control_client_owner *owner,
                       struct control_client **ret)
{
    struct control_client *client = NEW(struct control_client);
    int r;

    client->owner = *owner;
    list_init(&client->owner.node);
    list_init(&client->watch.node);
    client->watch.changed = on_changed;
    client->registry = registry;
    client->dialect = kind == CONTROL_METRICS ? &dialect_http : &dialect_appctl;
    client->has_dialect = kind == CONTROL_METRICS;
    client->dialect_state = client->dialect->state_new(registry);
    client->fd = fd;
    identify(client);
    r = add_sources(client, event);
    if (r < 0) {
        client->fd = -1;
        control_client_free(client);
        return r;
    }
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
    stop_watching(client);
    sd_event_source_disable_unref(client->source);
    sd_event_source_disable_unref(client->timer);
    if (client->fd >= 0) {
        close(client->fd);
    }
    client->dialect->state_free(client->dialect_state);
    buf_done(&client->in);
    buf_done(&client->out);
    free(client);
}

bool control_client_end_idle(struct control_client *client)
{
    char byte;

    if (client->state != CLIENT_READING ||
        recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
        return false;
    }
    set_state(client, CLIENT_ENDED);
    return true;
}

void control_client_flush(struct control_client *client, usec_t end)
{
    while (client->state == CLIENT_WRITING && !send_some(client) &&
           client->state == CLIENT_WRITING) {
        usec_t now = clock_monotonic();
        struct pollfd pollfd = {.fd = client->fd, .events = POLLOUT};

        if (now >= end || poll(&pollfd, 1, (int)((end - now) / USEC_PER_MSEC) + 1) <= 0) {
            return;
        }
    }
}
