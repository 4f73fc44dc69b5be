// SPDX-License-Identifier: Apache-2.0
// Transactions longer than the limit of a message: the extension "stage" and "transact_staged".
//
//     {"method":"stage","params":[<offset>,<text>]}     Appends <text>, a piece of the params of a
//                                                       "transact" request, at byte <offset>. 0
//                                                       begins a new text. Result: {"size":<bytes>}
//     {"method":"transact_staged","params":[<size>]}    Runs the staged text as one transaction.
//                                                       The reply is that of "transact".
//
// A client tests for the extension by staging the empty text at 0. <offset> and <size> must be the
// number of bytes staged so far, so that a part of a transaction never runs: neither after a lost
// piece, nor after a restart of the server. An error drops the staged text; so do "transact_staged"
// and the end of the session.
#include "basic/counter.h"
#include "session/params.h"
#include "session/reply.h"
#include "json/framer.h"

#include <assert.h>
#include <stdio.h>

COUNTER(stages_refused, "Pieces of transactions refused because too much was staged");

static_assert(SESSION_MAX_STAGED < UINT32_MAX, "a waiting transaction is kept as a struct text");

struct staged {
    struct framer framer;
    struct buf text;
    bool is_complete; // `text` is one JSON value
};

static size_t staged_size(const struct session *session)
{
    return session->staged ? session->staged->text.size : 0;
}

static void staged_free(struct server *server, struct staged *staged)
{
    if (staged) {
        assert(server->n_staged >= staged->text.size);
        server->n_staged -= staged->text.size;
        buf_done(&staged->text);
        free(staged);
    }
}

void session_drop_staged(struct session *session)
{
    staged_free(session->server, TAKE_PTR(session->staged));
}

static bool has_room(const struct session *session, size_t more)
{
    const struct server *server = session->server;

    return server->n_staged + more <= server->limits.max_staged &&
           staged_size(session) + more <= SESSION_MAX_STAGED;
}

static void refuse_piece(struct session *session, struct slice id)
{
    COUNT(stages_refused);
    session_drop_staged(session);
    session_refuse_resources(
        session, id,
        error_new(ERROR_RESOURCES,
                  "all clients together may stage at most %zu bytes (the server's option "
                  "--max-staged)",
                  MIN(session->server->limits.max_staged, SESSION_MAX_STAGED)));
}

// Appends `piece` to the staged text. An error if the text is not the beginning of a JSON array.
static struct ovsdb_error *staged_append(struct session *session, struct slice piece)
{
    enum framer_status status = FRAMER_MORE;
    struct staged *staged;
    size_t consumed = 0;

    if (!session->staged) {
        session->staged = NEW(struct staged);
        framer_init(&session->staged->framer, SESSION_MAX_STAGED);
    }
    staged = session->staged;
    if (!staged->text.size && piece.size && piece.data[0] != '[') {
        return error_new(ERROR_SYNTAX, "stage: an array is expected");
    }
    if (!staged->is_complete) {
        status = framer_feed(&staged->framer, piece.data, piece.size, &consumed);
        staged->is_complete = status == FRAMER_DONE;
    }
    if (status == FRAMER_ERROR || consumed < piece.size) {
        return error_new(
            ERROR_SYNTAX, "stage: invalid JSON at byte %zu: %s", staged->text.size + consumed,
            status == FRAMER_ERROR ? framer_error(&staged->framer) : "more than one value");
    }
    buf_put_slice(&staged->text, piece);
    session->server->n_staged += piece.size;
    return NULL;
}

// Parses the params of "stage" and checks that the piece continues the staged text. *ret may point
// into the scratch buffer of the server.
static struct ovsdb_error *parse_piece(struct session *session, const struct message *request,
                                       struct slice *ret)
{
    struct slice parts[2];
    uint64_t offset;

    if (json_cut(request->params, parts, 2) != 2 || !json_read_count(parts[0], &offset) ||
        !json_read_string(parts[1], &session->server->scratch, ret)) {
        return error_new(ERROR_SYNTAX, "stage: params must be [<offset>, <string>]");
    }
    if (session->read_only || session_uses_only_backups(session)) {
        return error_new(ERROR_NOT_ALLOWED, "stage: the databases are read-only here");
    }
    if (!offset) {
        session_drop_staged(session);
    }
    if (offset != staged_size(session)) {
        return error_new(ERROR_SYNTAX, "stage: %zu bytes are staged", staged_size(session));
    }
    return NULL;
}

void method_stage(struct session *session, const struct message *request, usec_t now)
{
    struct slice piece;
    struct ovsdb_error *error = parse_piece(session, request, &piece);
    char result[64];

    if (!error && !has_room(session, piece.size)) {
        refuse_piece(session, request->id);
        return;
    }
    if (!error) {
        error = staged_append(session, piece);
    }
    if (error) {
        session_drop_staged(session);
        session_reply_error(session, request->id, error);
        return;
    }
    snprintf(result, sizeof(result), "{\"size\":%zu}", staged_size(session));
    session_reply(session, request->id, slice_of(result));
}

static struct ovsdb_error *check_staged(const struct session *session,
                                        const struct message *request)
{
    const struct staged *staged = session->staged;
    struct slice part;
    uint64_t size;

    if (json_cut(request->params, &part, 1) != 1 || !json_read_count(part, &size)) {
        return error_new(ERROR_SYNTAX, "transact_staged: params must be [<size>]");
    }
    if (!staged || size != staged->text.size) {
        return error_new(ERROR_SYNTAX, "transact_staged: %zu bytes are staged",
                         staged_size(session));
    }
    if (!staged->is_complete) {
        return error_new(ERROR_SYNTAX, "transact_staged: the staged text is incomplete");
    }
    return NULL;
}

void method_transact_staged(struct session *session, const struct message *request, usec_t now)
{
    struct ovsdb_error *error = check_staged(session, request);
    // Owned here, because the transaction may close the session, which drops its staged text.
    struct staged *staged = TAKE_PTR(session->staged);
    struct message transact = {.type = MESSAGE_REQUEST, .method = SLICE("transact")};

    if (error) {
        session_reply_error(session, request->id, error);
    } else {
        transact.params = buf_slice(&staged->text);
        transact.id = request->id;
        method_transact(session, &transact, now);
    }
    staged_free(session->server, staged);
}
