// SPDX-License-Identifier: Apache-2.0
// Requests that another server executes: a relay forwards the transactions and conversions of its
// clients to its source. A forwarded request counts as a waiting transaction until its reply is
// known.
#pragma once

#include "session/server.h"

struct trigger; // a request that waits

// Sends requests to the source of one database.
struct forwarder {
    // Sends the request to the source, which is ready (server_set_source_ready()). `params` is
    // valid during the call only. The forwarder must call server_forwarded() once for `trigger`,
    // not from within this call, unless the request is dropped or server_set_forwarder() is called.
    // Returns the argument `request` of cancel() and drop().
    void *(*forward)(void *userdata, const char *method, struct slice params,
                     struct trigger *trigger);
    // Asks the source to cancel the request. server_forwarded() is called all the same.
    void (*cancel)(void *userdata, void *request);
    // The same, but server_forwarded() must not be called: the client is gone.
    void (*drop)(void *userdata, void *request);
};

// From now on, transactions that could change `db`, and conversions, go to `forwarder`, which stays
// the caller's. NULL: they are executed here again. The source is not ready at first. Requests that
// have been forwarded before end as with FORWARDED_LOST, and those that wait for the source run
// again.
void server_set_forwarder(struct server *server, struct db *db, const struct forwarder *forwarder,
                          void *userdata);
// While the source is not ready, requests for it wait, in the order in which they were received.
void server_set_source_ready(struct server *server, struct db *db, bool is_ready);

enum forwarded_outcome {
    FORWARDED_RESULT, // the "result" of the source's reply
    FORWARDED_ERROR,  // the "error" of the source's reply
    FORWARDED_LOST,   // the connection ended before the reply: it may or may not have been executed
};
// Sends the client its reply: `text`, a JSON value, or for FORWARDED_LOST an error that says that
// the outcome is unknown. The request is not sent again, so that it is never executed twice. All
// changes that the source has sent before its reply must have been applied to `db`: the client gets
// their updates first.
void server_forwarded(struct trigger *trigger, enum forwarded_outcome outcome, struct slice text);
