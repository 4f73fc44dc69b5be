// SPDX-License-Identifier: Apache-2.0
// JSON-RPC 1.0 messages (RFC 7047 4): cut out of validated text, and written.
#pragma once

#include "basic/buf.h"

enum message_type { MESSAGE_REQUEST, MESSAGE_NOTIFICATION, MESSAGE_REPLY, MESSAGE_ERROR };

struct message {
    enum message_type type;
    struct slice method; // decoded name; REQUEST and NOTIFICATION
    struct slice params; // an array; REQUEST and NOTIFICATION
    struct slice id;     // a non-null value; not in NOTIFICATION
    struct slice result; // REPLY: any value
    struct slice error;  // ERROR: a non-null value
};

// Parses `text`, one validated value: "params" must be an array in a call; a result or an error
// that is null counts as absent next to a method, members beyond these five are refused. The
// slices point into it (the method's name, if it has escapes, into `scratch`). Returns NULL, or why
// it is no JSON-RPC message: a text that names the member, static or in `scratch`.
const char *message_parse(struct slice text, struct buf *scratch, struct message *ret);

// Replies carry `id` as the request has it, byte for byte.
// {"error":null,"id":ID,"result": -- then the caller writes the result and a closing brace.
void message_begin_reply(struct buf *buf, struct slice id);
// {"id":null,"method":"METHOD","params": -- then the caller writes the params and a closing brace.
void message_begin_notification(struct buf *buf, const char *method);
// Whole messages; `result`, `error`, `params` and `id` are JSON text.
void message_put_reply(struct buf *buf, struct slice id, struct slice result);
void message_put_error(struct buf *buf, struct slice id, struct slice error);
void message_put_request(struct buf *buf, struct slice method, struct slice params,
                         struct slice id);
