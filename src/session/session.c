// SPDX-License-Identifier: Apache-2.0
// One client: a message comes in, its method answers. A message that makes no sense as JSON-RPC, or
// a reply to nothing we asked, ends the session; everything else that is wrong is answered.
#include "basic/log.h"
#include "session/internal.h"
#include "json/emit.h"

#include <ctype.h>
#include <math.h>

LOG_MODULE(session);

#define SMALL_REPLY 8192              // up to here a reply is copied in one piece
#define OUT_KEPT    ((size_t)1 << 20) // a reply's buffer larger than this is given back

static const struct {
    const char *name;
    method_function *function;
} methods[] = {
    {"transact", method_transact},
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
};

struct session *session_new(struct server *server, const struct session_sink *sink, void *userdata,
                            const struct session_options *options)
{
    struct session *session = NEW(struct session);

    session->server = server;
    session->sink = sink;
    session->userdata = userdata;
    session->name = xstrdup(options->name);
    session->read_only = options->read_only;
    list_push_back(&server->sessions, &session->node);
    server->n_sessions++;
    log_dbg("%s: session begins", session->name);
    return session;
}

// Gives up everything the session holds.
static void session_release(struct session *session)
{
    session_drop_monitors(session);
    session_cancel_triggers(session);
    session_release_locks(session);
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
    session->server->n_sessions--;
    free(session->name);
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

struct buf *session_out(struct session *session)
{
    struct buf *out = &session->server->out;

    if (out->capacity > OUT_KEPT) {
        buf_done(out);
    }
    buf_clear(out);
    return out;
}

static void session_send(struct session *session, struct slice text)
{
    if (!session->is_closing) {
        session->sink->send(session->userdata, text, server_ticket(session->server));
    }
}

static void session_send_shared(struct session *session, struct text *text)
{
    if (!session->is_closing) {
        session->sink->send_shared(session->userdata, text, server_ticket(session->server));
    }
}

void session_send_out(struct session *session)
{
    session_send(session, buf_slice(&session->server->out));
}

void session_reply(struct session *session, struct slice id, struct slice result)
{
    struct buf *out = session_out(session);

    message_put_reply(out, id, result);
    session_send_out(session);
}

void session_reply_error(struct session *session, struct slice id, struct ovsdb_error *error)
{
    _cleanup_buf_ struct buf text = {0};
    struct buf *out = session_out(session);

    error_put(&text, error);
    error_free(error);
    message_put_error(out, id, buf_slice(&text));
    session_send_out(session);
}

void session_reply_error_text(struct session *session, struct slice id, const char *error)
{
    _cleanup_buf_ struct buf text = {0};
    struct buf *out = session_out(session);

    emit_string(&text, slice_of(error));
    message_put_error(out, id, buf_slice(&text));
    session_send_out(session);
}

void session_reply_pieces(struct session *session, struct slice id, const char *before,
                          const struct pieces *pieces, const char *after)
{
    struct buf *out = session_out(session);

    message_begin_reply(out, id);
    buf_puts(out, before);
    if (pieces->size <= SMALL_REPLY) {
        pieces_put(out, pieces);
    } else {
        session_send_out(session);
        for (size_t i = 0; i < pieces->n; i++) {
            session_send_shared(session, pieces->texts[i]);
        }
        out = session_out(session);
    }
    buf_puts(out, after);
    buf_putc(out, '}');
    session_send_out(session);
}

void session_notify(struct session *session, const char *method, struct slice params)
{
    _cleanup_buf_ struct buf buf = {0};

    message_begin_notification(&buf, method);
    buf_put_slice(&buf, params);
    buf_putc(&buf, '}');
    session_send(session, buf_slice(&buf));
}

size_t params_cut(struct slice params, struct slice *ret, size_t n)
{
    struct cursor cursor;
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        ret[i] = SLICE_EMPTY;
    }
    cursor_init(&cursor, params);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        if (count < n) {
            ret[count] = cursor_skip(&cursor);
        } else {
            cursor_skip(&cursor);
        }
        count++;
    }
    return count;
}

struct ovsdb_error *params_database(struct session *session, const struct message *request,
                                    struct served_db **ret)
{
    struct served_db *sdb;
    struct cursor cursor;
    struct slice name;

    cursor_init(&cursor, request->params);
    if (!cursor_enter(&cursor) || cursor_kind(&cursor) != JSON_KIND_STRING) {
        return error_syntax(request->params, SLICE_FORMAT ": params must begin with <db-name>",
                            SLICE_ARGS(request->method));
    }
    name = cursor_string(&cursor, &session->server->scratch);
    sdb = server_find(session->server, name);
    if (!sdb) {
        return error_syntax_tag(ERROR_UNKNOWN_DATABASE, request->params,
                                SLICE_FORMAT ": there is no database " SLICE_FORMAT,
                                SLICE_ARGS(request->method), SLICE_ARGS(name));
    }
    *ret = sdb;
    return NULL;
}

struct text *canonical_text(struct slice value)
{
    _cleanup_buf_ struct buf buf = {0};

    emit_canonical(&buf, value);
    return text_new(buf_slice(&buf));
}

static void on_request(struct session *session, const struct message *request, usec_t now)
{
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        if (slice_is(request->method, methods[i].name)) {
            methods[i].function(session, request, now);
            return;
        }
    }
    session_reply_error_text(session, request->id, "unknown method");
}

// The one reply that may come late is that to a probe.
static void on_reply(struct session *session, const struct message *reply)
{
    if (reply->type != MESSAGE_REPLY || !slice_is(reply->id, "\"echo\"")) {
        session_close(session, "received a reply to no request");
    }
}

// False if a number in `text`, a valid value, is too large for a real (1e999). Such a number cannot
// be printed, so no message that may come back may have one. O(length).
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

// What of a message is printed again: of transactions, which are many and long, only the id.
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
        session_close(session, error);
        return;
    }
    if (!is_printable(&message, text)) {
        session_close(session, "number out of range");
        return;
    }
    switch (message.type) {
    case MESSAGE_REQUEST:
        on_request(session, &message, now);
        break;
    case MESSAGE_NOTIFICATION:
        // Of the methods only "cancel" is a notification; the others have nobody to answer.
        if (slice_is(message.method, "cancel")) {
            method_cancel(session, &message, now);
        }
        break;
    case MESSAGE_REPLY:
    case MESSAGE_ERROR:
        on_reply(session, &message);
        break;
    }
}

void session_output_drained(struct session *session)
{
    session_resume_monitors(session);
}
