// SPDX-License-Identifier: Apache-2.0
#include "json/message.h"

#include "basic/utf8.h"
#include "json/cursor.h"
#include "json/emit.h"

#include <assert.h>

#define MAX_SHOWN 64 // bytes of a member name that an error shows

// The JSON text of the members of a message. Slices without data stand for members that are absent
// or, except for the result, null.
struct members {
    struct slice method, params, id, result, error;
    bool has_result;
};

static struct slice null_is_absent(struct slice value)
{
    return *value.data == 'n' ? SLICE_EMPTY : value;
}

static const char *unexpected_member(struct slice name, struct buf *scratch)
{
    _cleanup_buf_ struct buf shown = {0};

    name.size = utf8_cut(name, MAX_SHOWN);
    emit_string(&shown, name);
    buf_clear(scratch); // only now: `name` may point into it
    buf_puts(scratch, "message has an unexpected member ");
    buf_put_slice(scratch, buf_slice(&shown));
    return buf_cstr(scratch);
}

static const char *cut_members(struct slice text, struct buf *scratch, struct members *ret)
{
    struct cursor cursor;

    cursor_init(&cursor, text);
    if (cursor_kind(&cursor) != JSON_KIND_OBJECT) {
        return "message is not an object";
    }
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, scratch);

        if (slice_is(name, "method")) {
            ret->method = null_is_absent(cursor_skip(&cursor));
        } else if (slice_is(name, "params")) {
            ret->params = null_is_absent(cursor_skip(&cursor));
        } else if (slice_is(name, "id")) {
            ret->id = null_is_absent(cursor_skip(&cursor));
        } else if (slice_is(name, "result")) {
            ret->result = cursor_skip(&cursor);
            ret->has_result = true;
        } else if (slice_is(name, "error")) {
            ret->error = null_is_absent(cursor_skip(&cursor));
        } else {
            return unexpected_member(name, scratch);
        }
    }
    return NULL;
}

static const char *parse_call(const struct members *members, struct buf *scratch,
                              struct message *ret)
{
    struct cursor cursor;

    if (members->error.data ||
        null_is_absent(members->has_result ? members->result : SLICE("n")).data) {
        return "message is both a request and a reply";
    }
    if (*members->method.data != '"') {
        return "\"method\" is not a string";
    }
    if (!members->params.data || *members->params.data != '[') {
        return "request without an array \"params\"";
    }
    cursor_init(&cursor, members->method);
    *ret = (struct message){
        .type = members->id.data ? MESSAGE_REQUEST : MESSAGE_NOTIFICATION,
        .method = cursor_string(&cursor, scratch),
        .params = members->params,
        .id = members->id,
    };
    return NULL;
}

const char *message_parse(struct slice text, struct buf *scratch, struct message *ret)
{
    struct members members = {0};
    const char *error = cut_members(text, scratch, &members);

    if (error) {
        return error;
    }
    if (members.method.data) {
        return parse_call(&members, scratch, ret);
    }
    if (members.params.data) {
        return "\"params\" without \"method\"";
    }
    if (!members.id.data) {
        return "neither a request nor a reply";
    }
    if (members.error.data) {
        *ret = (struct message){.type = MESSAGE_ERROR, .id = members.id, .error = members.error};
        return NULL;
    }
    if (!members.has_result) {
        return "reply without \"result\" and \"error\"";
    }
    *ret = (struct message){.type = MESSAGE_REPLY, .id = members.id, .result = members.result};
    return NULL;
}

void message_begin_reply(struct buf *buf, struct slice id)
{
    assert(id.size);
    buf_puts(buf, "{\"error\":null,\"id\":");
    buf_put_slice(buf, id);
    buf_puts(buf, ",\"result\":");
}

void message_begin_notification(struct buf *buf, const char *method)
{
    buf_puts(buf, "{\"id\":null,\"method\":\"");
    buf_puts(buf, method);
    buf_puts(buf, "\",\"params\":");
}

void message_put_reply(struct buf *buf, struct slice id, struct slice result)
{
    message_begin_reply(buf, id);
    buf_put_slice(buf, result);
    buf_putc(buf, '}');
}

void message_put_error(struct buf *buf, struct slice id, struct slice error)
{
    assert(id.size && error.size);
    buf_puts(buf, "{\"error\":");
    buf_put_slice(buf, error);
    buf_puts(buf, ",\"id\":");
    buf_put_slice(buf, id);
    buf_puts(buf, ",\"result\":null}");
}

void message_put_request(struct buf *buf, struct slice method, struct slice params, struct slice id)
{
    assert(id.size && params.size);
    buf_puts(buf, "{\"id\":");
    buf_put_slice(buf, id);
    buf_puts(buf, ",\"method\":");
    emit_string(buf, method);
    buf_puts(buf, ",\"params\":");
    buf_put_slice(buf, params);
    buf_putc(buf, '}');
}
