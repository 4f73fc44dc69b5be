// SPDX-License-Identifier: Apache-2.0
// The states of a client:
//
//     READING --complete message--> RUNNING --answer--> WRITING --sent--> READING
//                                     ^ |                  |
//                                     | | same answer      | sent, and the client
//                                     | v as before        v has asked for "more"
//                                     +--------------- WATCHING
//                                  something changed
//
// Every state can move to ENDED. A message that the dialect answers by itself, or refuses, leads
// from READING to WRITING directly. The end of the input in READING ends the client; in the other
// states the answer is sent first. In WATCHING the command is run again when something has changed,
// at most once every WATCH_INTERVAL. An answer equal to the previous one is not sent.
#include "control/client.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "control/dialect.h"
#include "json/tree.h"

#include <assert.h>
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

enum client_state {
    CLIENT_READING,  // waits for a complete message
    CLIENT_RUNNING,  // waits for the answer of a command
    CLIENT_WRITING,  // sends an answer
    CLIENT_WATCHING, // waits for a change
    CLIENT_ENDED,    // waits for its owner to free it
    CLIENT_N_STATES,
};

static const char *const state_names[] = {
    [CLIENT_READING] = "reading",   [CLIENT_RUNNING] = "running", [CLIENT_WRITING] = "writing",
    [CLIENT_WATCHING] = "watching", [CLIENT_ENDED] = "ended",
};

#define TO(state) (1u << CLIENT_##state)

static const unsigned allowed_moves[] = {
    [CLIENT_READING] = TO(RUNNING) | TO(WRITING) | TO(ENDED),
    [CLIENT_RUNNING] = TO(WRITING) | TO(WATCHING) | TO(ENDED),
    [CLIENT_WRITING] = TO(READING) | TO(WATCHING) | TO(ENDED),
    [CLIENT_WATCHING] = TO(RUNNING) | TO(ENDED),
    [CLIENT_ENDED] = 0,
};

// The epoll events that each state waits for.
static const uint32_t state_events[] = {
    [CLIENT_READING] = EPOLLIN, [CLIENT_RUNNING] = 0, [CLIENT_WRITING] = EPOLLOUT,
    [CLIENT_WATCHING] = 0,      [CLIENT_ENDED] = 0,
};

static_assert(ARRAY_SIZE(state_names) == CLIENT_N_STATES, "every state has a name");
static_assert(ARRAY_SIZE(allowed_moves) == CLIENT_N_STATES, "every state has its moves");
static_assert(ARRAY_SIZE(state_events) == CLIENT_N_STATES, "every state has its events");

struct client_call {
    struct command_call call;
    struct control_client *client; // NULL: it was freed
};

struct control_client {
    struct control_client_owner owner;
    struct command_registry *registry;
    const struct dialect *dialect;
    void *dialect_state;
    sd_event_source *source;
    int fd;
    enum client_state state;
    bool has_dialect; // `dialect` is final; otherwise the first message decides
    bool close_after_write;
    struct ucred peer;        // the process at the other end; uid -1: not known
    bool may_change;          // see command_call
    struct client_call *call; // the running command, or NULL
    struct command_watch watch;
    char **watched;         // the command that is run again after changes, or NULL
    json_t *last_reply;     // the previous reply of `watched`
    bool has_changed;       // something has changed since `watched` was run
    sd_event_source *timer; // the end of the dialect's patience; WATCHING: when to run `watched`
    struct buf in;
    size_t scanned; // bytes of `in` that the dialect has scanned
    struct buf out;
};

static void client_set_state(struct control_client *client, enum client_state state)
{
    assert(allowed_moves[client->state] & 1u << state);
    log_dbg("control client %d: %s -> %s", client->fd, state_names[client->state],
            state_names[state]);
    client->state = state;
    sd_event_source_set_io_events(client->source, state_events[state]);
}

static void client_end(struct control_client *client)
{
    client_set_state(client, CLIENT_ENDED);
    sd_event_source_set_enabled(client->source, SD_EVENT_OFF);
    sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
    client->owner.ended(client, client->owner.userdata);
}

// Sends as much as the socket accepts. Returns true if everything is sent. On an error the client
// ends.
static bool send_some(struct control_client *client)
{
    while (client->out.size) {
        ssize_t n = send(client->fd, client->out.data, client->out.size, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno != EAGAIN) {
            log_dbg("sending an answer failed: %s", strerror(errno));
            client_end(client);
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

static void wait_for_change(struct control_client *client)
{
    client_set_state(client, CLIENT_WATCHING);
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

static void answer_client(struct control_client *client, enum command_outcome outcome,
                          const char *text, json_t *reply)
{
    if (client->watched && outcome != COMMAND_DONE) {
        stop_watching(client);
    } else if (client->watched) {
        if (client->last_reply && json_equal(client->last_reply, reply)) {
            wait_for_change(client);
            return;
        }
        json_decref(client->last_reply);
        client->last_reply = json_incref(reply);
    }
    client->dialect->encode(client->dialect_state, outcome, text, reply, client->watched != NULL,
                            &client->out);
    client_set_state(client, CLIENT_WRITING);
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
        assert(call->client->call == call);
        call->client->call = NULL;
        if (call->client->state != CLIENT_ENDED) {
            answer_client(call->client, outcome, text, reply);
        }
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

static void run_command(struct control_client *client, char **argv)
{
    struct client_call *call = NEW(struct client_call);
    int argc = 0;

    assert(!client->call && argv[0]);
    while (argv[argc]) {
        argc++;
    }
    log_dbg("running %s with %d arguments", argv[0], argc - 1);
    call->call = (struct command_call){on_done, on_set_json, client->may_change, NULL};
    call->client = client;
    client->call = call;
    client_set_state(client, CLIENT_RUNNING);
    command_registry_run(client->registry, &call->call, argc, argv);
}

// Runs the command of a request. "more" has an effect only for commands that are methods and change
// nothing.
static void run_request(struct control_client *client, struct dialect_request *request)
{
    const struct command *command = command_registry_find(client->registry, request->argv[0]);

    if (request->more && command && command->reads && command->method) {
        client->watched = request->argv;
        client->has_changed = false;
        command_registry_watch(client->registry, &client->watch);
        run_command(client, client->watched);
    } else {
        run_command(client, request->argv);
        command_argv_free(request->argv);
    }
}

static int on_timer(sd_event_source *source, usec_t when, void *userdata)
{
    struct control_client *client = userdata;

    if (client->state == CLIENT_WATCHING) {
        run_command(client, client->watched);
    } else {
        log_dbg("a client of the %s dialect took too long", client->dialect->name);
        client_end(client);
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
        answer_client(client, COMMAND_FAILED, error, NULL);
    } else if (!request.argv) {
        client_set_state(client, CLIENT_WRITING); // the dialect has answered
    } else {
        run_request(client, &request);
    }
}

// True if a JSON value is a varlink call. The NUL that ends it may not have been received yet.
static bool is_varlink(struct slice message)
{
    _cleanup_free_ char *error = NULL;
    _cleanup_tree_ json_t *call = tree_parse(message, &error);

    return json_object_get(call, "method") && !json_object_get(call, "id");
}

static void handle_input(struct control_client *client);

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
    handle_input(client);
}

// Handles the next message in the input, if it is complete.
static void handle_input(struct control_client *client)
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
        client_end(client);
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
        client_end(client);
        return;
    }
    client->in.size += (size_t)n;
    handle_input(client);
}

static void on_writable(struct control_client *client)
{
    if (!send_some(client)) {
        return;
    }
    if (client->close_after_write) {
        client_end(client);
        return;
    }
    if (client->watched) {
        wait_for_change(client);
        return;
    }
    client_set_state(client, CLIENT_READING);
    handle_input(client);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct control_client *client = userdata;

    if (client->state == CLIENT_READING && revents & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        on_readable(client);
    } else if (client->state == CLIENT_WRITING && revents & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
        on_writable(client);
    } else if (revents & (EPOLLHUP | EPOLLERR)) {
        client_end(client);
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

// Determines the user at the other end. Root and the user that the server runs as may change
// things. A peer that is not a local process is unknown and may not.
static void identify_peer(struct control_client *client)
{
    socklen_t size = sizeof(client->peer);

    if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &client->peer, &size)) {
        client->peer = (struct ucred){.uid = (uid_t)-1};
    }
    client->may_change = client->peer.uid == 0 || client->peer.uid == geteuid();
}

int control_client_new(sd_event *event, struct command_registry *registry,
                       const struct dialect *dialect, int fd,
                       const struct control_client_owner *owner, struct control_client **ret)
{
    struct control_client *client = NEW(struct control_client);
    int r;

    client->owner = *owner;
    list_init(&client->owner.node);
    list_init(&client->watch.node);
    client->watch.changed = on_changed;
    client->registry = registry;
    client->dialect = dialect ? dialect : &dialect_appctl;
    client->has_dialect = dialect != NULL;
    client->dialect_state = client->dialect->state_new(registry);
    client->fd = fd;
    identify_peer(client);
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
    assert(!client->watched || !list_is_empty(&client->watch.node));
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
    client_end(client);
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
