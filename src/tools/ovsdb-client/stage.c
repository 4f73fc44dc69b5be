// SPDX-License-Identifier: Apache-2.0
// Pieces are small, so that nearly every limit allows them. Many are sent before the first reply
// has arrived, so that the network delay hardly matters.
#include "tools/ovsdb-client/stage.h"

#include "basic/utf8.h"
#include "tools/ovsdb-client/background.h"
#include "tools/progress_bar.h"
#include "tools/tool.h"
#include "json/emit.h"

#include <stdio.h>

#define CHUNK_SIZE ((size_t)16 << 10)
#define UNDER_WAY  64 // pieces without reply at a time

// Ends the program if the server knows the method but refuses it.
static bool can_stage(struct client_context *context)
{
    _cleanup_buf_ struct buf reply = {0};

    switch (client_call(context->client, "stage", SLICE("[0,\"\"]"), &reply)) {
    case CLIENT_RESULT:
        return true;
    case CLIENT_ERROR:
        if (!strstr(buf_cstr(&reply), "unknown method")) {
            tool_fail_json(buf_slice(&reply), "transaction returned error");
        }
        return false;
    default:
        return false;
    }
}

// Sends the piece at `offset` and returns its size.
static size_t send_piece(struct client_context *context, struct slice params, size_t offset)
{
    struct slice rest = {params.data + offset, params.size - offset};
    struct slice piece = {rest.data, utf8_cut(rest, CHUNK_SIZE)};
    _cleanup_buf_ struct buf request = {0};

    buf_printf(&request, "[%zu,", offset);
    emit_string(&request, piece);
    buf_putc(&request, ']');
    client_send(context->client, "stage", buf_slice(&request));
    return piece.size;
}

// Waits for the reply to a piece. False: client_stop() was called.
static bool receive_reply(struct client_context *context)
{
    _cleanup_buf_ struct buf text = {0};
    struct message message;

    do {
        if (!client_next(context->client, &text, &message)) {
            return false;
        }
    } while (message.type == MESSAGE_NOTIFICATION);
    if (message.type == MESSAGE_ERROR) {
        tool_fail_json(message.error, "%s: staging the transaction failed", context->server);
    }
    return true;
}

static bool send_all_pieces(struct client_context *context, struct slice params)
{
    size_t under_way = 0;

    client_show_progress(context->client, false); // it would show single pieces
    for (size_t offset = 0; offset < params.size || under_way;) {
        if (offset < params.size && under_way < UNDER_WAY) {
            offset += send_piece(context, params, offset);
            progress_step(progress_bar(), "sending", offset, params.size);
            under_way++;
        } else if (receive_reply(context)) {
            under_way--;
        } else {
            return false;
        }
    }
    return true;
}

bool client_transact_long(struct client_context *context, struct slice params, struct buf *reply)
{
    char size[32];

    if (params.size <= CHUNK_SIZE || !can_stage(context)) {
        client_background_when_sent(context);
        return client_call_or_fail(context->client, "transact", params, reply);
    }
    if (!send_all_pieces(context, params)) {
        return false;
    }
    client_show_progress(context->client, true);
    snprintf(size, sizeof(size), "[%zu]", params.size);
    client_background_when_sent(context);
    return client_call_or_fail(context->client, "transact_staged", slice_of(size), reply);
}
