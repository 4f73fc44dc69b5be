// SPDX-License-Identifier: Apache-2.0
// What a dialect of the control socket is: how its messages are cut out of the bytes, and how a
// message becomes a call and the answer bytes. The client (client.h) moves the bytes.
#pragma once

#include "basic/buf.h"
#include "basic/clock.h"
#include "control/call.h"

#define DIALECT_MAX_MESSAGE (1024 * 1024) // bytes
#define DIALECT_MAX_ARGS    1024

enum dialect_status {
    DIALECT_MORE,    // the message is not complete
    DIALECT_MESSAGE, // a whole message is at the start of the input
    DIALECT_ERROR,   // this is no message: close
};

// What a message asks for.
struct dialect_request {
    char **argv; // a command; ends with NULL; command_argv_free(). NULL: nothing is to be run
    bool more;   // and again whenever its answer has changed
};

struct dialect {
    const char *name;
    usec_t patience;  // a client that takes longer is cut off; 0: there is no hurry
    bool is_one_shot; // one message, one answer, the end
    // The dialect's state for one client.
    void *(*state_new)(const struct command_registry *registry);
    void (*state_free)(void *state);
    // Looks at the bytes not seen yet. On DIALECT_MESSAGE *ret_size is the message's size in all;
    // on DIALECT_ERROR *ret_reason (static) is for the log. O(new bytes).
    enum dialect_status (*scan)(void *state, struct slice unseen, size_t *ret_size,
                                const char **ret_reason);
    // Makes `message` into a request, or leaves *ret alone and appends the answer to `out` itself.
    // NULL: one of these. Otherwise a text that says what is wrong, valid until the next call with
    // this `state`; the client is sent it as an error and disconnected.
    const char *(*decode)(void *state, struct slice message, struct dialect_request *ret,
                          struct buf *out);
    // Appends the answer to the message decoded last; with `continues` more of them follow. `text`
    // and `reply` are those of command_call.done().
    void (*encode)(void *state, enum command_outcome outcome, const char *text, json_t *reply,
                   bool continues, struct buf *out);
    void (*set_json)(void *state, bool on); // see command_call; may be NULL
};

// JSON-RPC 1.0 as ovs-appctl sends it.
extern const struct dialect dialect_appctl;
// GET /metrics of HTTP/1.1.
extern const struct dialect dialect_http;
// Varlink. A first message without "id" says that a client speaks it.
extern const struct dialect dialect_varlink;
