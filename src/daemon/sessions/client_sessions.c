// SPDX-License-Identifier: Apache-2.0
#include "daemon/sessions/client_sessions.h"

#include "session/session.h"

#include <assert.h>

static void sink_send(void *userdata, struct slice text, struct position position)
{
    connection_send(userdata, text, position);
}

static void sink_send_shared(void *userdata, struct text *text, struct position position)
{
    connection_send_shared(userdata, text, position);
}

static size_t sink_backlog(void *userdata)
{
    return connection_backlog(userdata);
}

static void sink_hold(void *userdata, bool on)
{
    connection_hold(userdata, on);
}

static void sink_close(void *userdata, const char *reason)
{
    connection_close(userdata, reason);
}

static const struct session_sink sink = {
    .send = sink_send,
    .send_shared = sink_send_shared,
    .backlog = sink_backlog,
    .hold = sink_hold,
    .close = sink_close,
};

static void on_opened(struct connection *connection)
{
    const struct client_sessions *client_sessions = net_userdata(connection_net(connection));
    const struct remote_settings *settings = remote_userdata(connection_remote(connection));
    _cleanup_buf_ struct buf scratch = {0};
    struct session_options options = {
        .name = connection_name(connection),
        .remote = remote_target(connection_remote(connection)),
        .read_only = settings->read_only,
        .role = settings->role,
        .client_id = connection_peer_cn(connection),
    };

    options.peer.is_known =
        connection_peer_process(connection, &options.peer.uid, &options.peer.pid);
    identities_apply(client_sessions->identities, connection, &scratch, &options);
    assert(!connection_userdata(connection));
    connection_set_userdata(connection,
                            session_new(client_sessions->server, &sink, connection, &options));
}

static void on_message(struct connection *connection, struct slice text)
{
    assert(connection_userdata(connection));
    session_receive(connection_userdata(connection), text, clock_monotonic());
}

static void on_drained(struct connection *connection)
{
    session_output_drained(connection_userdata(connection));
}

static void on_closed(struct connection *connection, const char *reason)
{
    session_free(connection_userdata(connection));
    connection_set_userdata(connection, NULL);
}

struct net *client_sessions_net_new(sd_event *event, struct client_sessions *client_sessions)
{
    static const struct net_handler handler = {
        .opened = on_opened,
        .message = on_message,
        .drained = on_drained,
        .closed = on_closed,
    };

    return net_new(event, &handler, client_sessions);
}
