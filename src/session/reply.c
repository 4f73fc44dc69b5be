// SPDX-License-Identifier: Apache-2.0
#include "session/reply.h"

#include "json/emit.h"

#define SMALL_REPLY 8192              // bytes; up to here copying is cheaper than several pieces
#define OUT_KEPT    ((size_t)1 << 20) // bytes; a larger buffer is freed before the next message

struct buf *session_out(struct session *session)
{
    struct buf *out = &session->server->out;

    if (out->capacity > OUT_KEPT) {
        buf_done(out);
    }
    buf_clear(out);
    return out;
}

static void session_send(struct session *session, const struct served_db *shown, struct slice text)
{
    if (!session->is_closing) {
        session->sink->send(session->userdata, text, served_db_position(shown));
        session_is_slow(session);
    }
}

static void session_send_shared(struct session *session, const struct served_db *shown,
                                struct text *text)
{
    if (!session->is_closing) {
        session->sink->send_shared(session->userdata, text, served_db_position(shown));
        session_is_slow(session);
    }
}

void session_send_out(struct session *session, const struct served_db *shown)
{
    session_send(session, shown, buf_slice(&session->server->out));
}

void session_reply(struct session *session, struct slice id, struct slice result)
{
    struct buf *out = session_out(session);

    message_put_reply(out, id, result);
    session_send_out(session, NULL);
}

void session_reply_error(struct session *session, struct slice id, struct ovsdb_error *error)
{
    _cleanup_buf_ struct buf text = {0};
    struct buf *out = session_out(session);

    error_put(&text, error);
    error_free(error);
    message_put_error(out, id, buf_slice(&text));
    session_send_out(session, NULL);
}

void session_reply_error_text(struct session *session, struct slice id, const char *error)
{
    _cleanup_buf_ struct buf text = {0};
    struct buf *out = session_out(session);

    emit_string(&text, slice_of(error));
    message_put_error(out, id, buf_slice(&text));
    session_send_out(session, NULL);
}

void session_reply_pieces(struct session *session, const struct served_db *shown, struct slice id,
                          const char *before, const struct chunks *chunks, const char *after)
{
    struct buf *out = session_out(session);

    message_begin_reply(out, id);
    buf_puts(out, before);
    if (chunks->size <= SMALL_REPLY) {
        chunks_put(out, chunks);
    } else {
        session_send_out(session, shown);
        for (size_t i = 0; i < chunks->n; i++) {
            session_send_shared(session, shown, chunks->texts[i]);
        }
        out = session_out(session);
    }
    buf_puts(out, after);
    buf_putc(out, '}');
    session_send_out(session, shown);
}

void session_notify(struct session *session, const char *method, struct slice params)
{
    _cleanup_buf_ struct buf buf = {0};

    message_begin_notification(&buf, method);
    buf_put_slice(&buf, params);
    buf_putc(&buf, '}');
    session_send(session, NULL, buf_slice(&buf));
}
