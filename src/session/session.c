// SPDX-License-Identifier: Apache-2.0
// The session of one client: passes each request to its method. A message that is not valid
// JSON-RPC, or a reply without a request, ends the session. Any other error is sent as a reply.
#include "basic/counter.h"
#include "basic/log.h"
#include "session/params.h"
#include "session/reply.h"
#include "json/number.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>

LOG_MODULE(session);
COUNTER(requests, "Requests of clients");

static const struct {
    const char *name;
    method_function *function;
} methods[] = {
    {"transact", method_transact},
    {"stage", method_stage},
    {"transact_staged", method_transact_staged},
    {"echo", method_echo},
    {"monitor", method_monitor},
    {"monitor_cond", method_monitor_cond},
    {"monitor_cond_since", method_monitor_cond_since},
    {"monitor_cond_change", method_monitor_cond_change},
    {"monitor_cancel", method_monitor_cancel},
    {"lock", method_lock},
    {"steal", method_steal},
    {"unlock", method_unlock},
    {"list_dbs", method_list_dbs},
    {"get_schema", method_get_schema},
    {"get_server_id", method_get_server_id},
    {"set_db_change_aware", method_set_db_change_aware},
    {"convert", method_convert},
};

struct session *session_new(struct server *server, const struct session_sink *sink, void *userdata,
                            const struct session_options *options)
{
    struct session *session = NEW(struct session);

    session->server = server;
    session->sink = sink;
    session->userdata = userdata;
    session->name = xstrdup(options->name);
    session->remote = options->remote ? xstrdup(options->remote) : NULL;
    session->peer = options->peer;
    session->read_only = options->read_only;
    session->owns_locks = options->owns_locks;
    session->role = options->role && *options->role ? xstrdup(options->role) : NULL;
    session->client_id = options->client_id ? xstrdup(options->client_id) : NULL;
    session->since = server_clock(server);
    list_init(&session->held_triggers);
    list_init(&session->slow_node);
    list_push_back(&server->sessions, &session->node);
    server->n_sessions++;
    log_dbg("%s: session begins", session->name);
    return session;
}

// Releases everything that the session holds.
static void session_release(struct session *session)
{
    session_drop_monitors(session);
    session_cancel_triggers(session);
    session_forget_conversions(session);
    session_release_locks(session);
    session_drop_staged(session);
    list_remove(&session->slow_node);
    assert(!session->monitors.n && !session->triggers.n && !session->locks.n);
    assert(!session->starting && !session->staged && list_is_empty(&session->held_triggers));
}

void session_free(struct session *session)
{
    if (!session) {
        return;
    }
    log_dbg("%s: session ends", session->name);
    session->is_closing = true;
    session_release(session);
    list_remove(&session->node);
    assert(session->server->n_sessions);
    session->server->n_sessions--;
    free(session->name);
    free(session->remote);
    free(session->role);
    free(session->client_id);
    free(session->uses);
    free(session);
}

void session_close(struct session *session, const char *reason)
{
    if (session->is_closing) {
        return;
    }
    log_dbg("%s: closing: %s", session->name, reason);
    session->is_closing = true;
    session_release(session);
    session->sink->close(session->userdata, reason);
}

static void session_on_request(struct session *session, const struct message *request, usec_t now)
{
    COUNT(requests);
    session->n_requests++;
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        if (slice_is(request->method, methods[i].name)) {
            methods[i].function(session, request, now);
            return;
        }
    }
    session_reply_error_text(session, request->id, "unknown method");
}

// Ends the session because the client has violated the protocol.
static void session_reject(struct session *session, const char *reason)
{
    static struct log_limit limit = LOG_LIMIT_INIT(60, 20);

    log_limited(&limit, LOG_LEVEL_WARN, "%s: protocol violation: %s", session->name, reason);
    session_close(session, reason);
}

// The net layer sends requests "echo" to probe connections, and their replies may arrive late.
// Other replies have no request.
static void session_on_reply(struct session *session, const struct message *reply)
{
    if (reply->type != MESSAGE_REPLY || !slice_is(reply->id, "\"echo\"")) {
        session_reject(session, "received a reply to no request: \"id\" is unknown");
    }
}

// False if a number in `text`, a valid value (I-1), is too large for a real (1e999). Such a number
// cannot be printed, so it is rejected in everything that a reply may repeat. O(length).
static bool numbers_are_finite(struct slice text)
{
    const char *end = text.data + text.size;
    bool in_string = false;

    for (const char *p = text.data; p < end;) {
        const char *start = p;
        int64_t integer;
        double real;

        if (in_string || (*p != '-' && !isdigit((unsigned char)*p))) {
            p += in_string && *p == '\\' ? 2 : 1;
            in_string ^= *start == '"';
            continue;
        }
        while (p < end && strchr("+-.0123456789Ee", *p)) {
            p++;
        }
        if (!number_parse((struct slice){start, (size_t)(p - start)}, &integer, &real) &&
            !isfinite(real)) {
            return false;
        }
    }
    return true;
}

// Checks the numbers of a message that a reply may repeat: of "transact" only the id, as these
// messages are frequent and long; of other messages all.
static bool is_printable(const struct message *message, struct slice text)
{
    bool is_transact = message->type == MESSAGE_REQUEST && slice_is(message->method, "transact");

    return numbers_are_finite(is_transact ? message->id : text);
}

void session_receive(struct session *session, struct slice text, usec_t now)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct message message;
    const char *error;

    if (session->is_closing) {
        return;
    }
    error = message_parse(text, &scratch, &message);
    if (error) {
        session_reject(session, error);
        return;
    }
    if (!is_printable(&message, text)) {
        session_reject(session, "number out of range");
        return;
    }
    switch (message.type) {
    case MESSAGE_REQUEST:
        session_on_request(session, &message, now);
        break;
    case MESSAGE_NOTIFICATION:
        // "cancel" is the only method that is a notification. Others are ignored.
        if (slice_is(message.method, "cancel")) {
            method_cancel(session, &message, now);
        }
        break;
    case MESSAGE_REPLY:
    case MESSAGE_ERROR:
        session_on_reply(session, &message);
        break;
    }
}

void session_output_drained(struct session *session)
{
    list_remove(&session->slow_node);
    session_resume_monitors(session);
}
