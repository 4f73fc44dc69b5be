// SPDX-License-Identifier: Apache-2.0
// A dialect of the control socket: finds messages in the input, decodes a message to a command, and
// encodes the answer. The client (client.h) receives and sends the bytes.
#pragma once

#include "basic/buf.h"
#include "basic/clock.h"
#include "control/call.h"

#define DIALECT_MAX_MESSAGE (1024 * 1024) // bytes
#define DIALECT_MAX_ARGS    1024

enum dialect_status {
    DIALECT_MORE,    // the message is not complete
    DIALECT_MESSAGE, // a complete message is at the start of the input
    DIALECT_ERROR,   // the input is not a message: close the connection
};

// A decoded message.
struct dialect_request {
    char *
        *argv; // a command and its arguments, ended by NULL (command_argv_free()). NULL: no command
    bool more; // run it again whenever its answer may have changed
};

struct dialect {
    const char *name;
    usec_t patience;  // a client is disconnected after this time, even if it is active; 0: never
    bool is_one_shot; // a client is disconnected after one answer
    // The dialect's state for one client.
    void *(*state_new)(const struct command_registry *registry);
    void (*state_free)(void *state);
    // Scans the input that it has not seen yet. On DIALECT_MESSAGE *ret_size is the size of the
    // whole message; on DIALECT_ERROR *ret_reason (static) is the reason for the log. O(unseen).
    enum dialect_status (*scan)(void *state, struct slice unseen, size_t *ret_size,
                                const char **ret_reason);
    // Decodes `message` to *ret, or does not change *ret and appends the answer to `out` itself.
    // Returns NULL, or what is wrong with the message (valid until the next call with this
    // `state`). Then the client is sent this text as an error and is disconnected.
    const char *(*decode)(void *state, struct slice message, struct dialect_request *ret,
                          struct buf *out);
    // Appends the answer to the message decoded last. `continues`: more answers to it follow.
    // `text` and `reply` are those of command_call.done().
    void (*encode)(void *state, enum command_outcome outcome, const char *text, json_t *reply,
                   bool continues, struct buf *out);
    void (*set_json)(void *state, bool on); // see command_call.set_json; may be NULL
};

// JSON-RPC 1.0 as ovs-appctl sends it.
extern const struct dialect dialect_appctl;
// GET /metrics of HTTP/1.1.
extern const struct dialect dialect_http;
// Varlink. A client uses it if its first message has a "method" and no "id".
extern const struct dialect dialect_varlink;
