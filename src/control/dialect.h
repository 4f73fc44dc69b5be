// SPDX-License-Identifier: Apache-2.0
// What a dialect of the control socket is: how its messages are cut out of the bytes, and how a
// message becomes a call and the answer bytes. The client (client.h) moves the bytes.
#pragma once

#include "basic/buf.h"
#include "control/call.h"

enum dialect_status {
    DIALECT_MORE,    // the message is not complete
    DIALECT_MESSAGE, // a whole message is at the start of the input
    DIALECT_ERROR,   // this is no message: close
};

struct dialect {
    const char *name;
    // The dialect's state for one client.
    void *(*state_new)(const struct command_registry *registry);
    void (*state_free)(void *state);
    // Looks at the bytes not seen yet. On DIALECT_MESSAGE *ret_size is the message's size in all;
    // on DIALECT_ERROR *ret_reason (static) is for the log. O(new bytes).
    enum dialect_status (*scan)(void *state, struct slice unseen, size_t *ret_size,
                                const char **ret_reason);
    // Makes `message` into the arguments of a command, *ret_argv (caller frees each and the array;
    // ends with NULL), or leaves *ret_argv alone and appends the answer to `out` itself. NULL: one
    // of these. Otherwise a static text that says what is wrong, for an answer and the end.
    const char *(*decode)(void *state, struct slice message, char ***ret_argv, struct buf *out);
    // Appends the answer to the message decoded last.
    void (*encode)(void *state, bool is_error, const char *text, struct buf *out);
};

// JSON-RPC 1.0 as ovs-appctl sends it.
extern const struct dialect dialect_appctl;
// Varlink. A first message without "id" says that a client speaks it.
extern const struct dialect dialect_varlink;
