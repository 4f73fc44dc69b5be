// SPDX-License-Identifier: Apache-2.0
// JSON-RPC 1.0 messages (RFC 7047 4): parses valid text, and writes messages.
#pragma once

#include "basic/buf.h"

enum message_type { MESSAGE_REQUEST, MESSAGE_NOTIFICATION, MESSAGE_REPLY, MESSAGE_ERROR };

struct message {
    enum message_type type;
    struct slice method; // REQUEST and NOTIFICATION: the decoded name
    struct slice params; // REQUEST and NOTIFICATION: an array
    struct slice id;     // all but NOTIFICATION: a value that is not null
    struct slice result; // REPLY: any value
    struct slice error;  // ERROR: a value that is not null
};

// Parses `text`, one valid JSON value (I-1). In a request or notification, "params" must be an
// array, and a "result" or "error" must be null or absent. Members other than these five are an
// error. The slices point into `text`; the name of the method, if it has escapes, into `scratch`.
// Returns NULL, or a text that says why `text` is no JSON-RPC message: a static string, or one in
// `scratch`.
const char *message_parse(struct slice text, struct buf *scratch, struct message *ret);

// Writes {"error":null,"id":ID,"result": -- the caller writes the result and a closing brace. `id`
// is the JSON text of the request's id, which the reply repeats byte for byte.
void message_begin_reply(struct buf *buf, struct slice id);
// Writes {"id":null,"method":"METHOD","params": -- the caller writes the params and a closing
// brace. `method` needs no escapes.
void message_begin_notification(struct buf *buf, const char *method);
// Write whole messages. `result`, `error`, `params` and `id` are JSON text, `method` is a plain
// name.
void message_put_reply(struct buf *buf, struct slice id, struct slice result);
void message_put_error(struct buf *buf, struct slice id, struct slice error);
void message_put_request(struct buf *buf, struct slice method, struct slice params,
                         struct slice id);
