// SPDX-License-Identifier: Apache-2.0
// A trigger: a request whose reply comes later. transact.c has the states. Private to this folder.
#pragma once

#include "session/forward.h"
#include "session/internal.h"

// A trigger's place on the wake list of one table.
struct wake {
    struct list node;
    struct trigger *trigger;
};

struct trigger {
    struct session *session;
    struct served_db *sdb;
    struct list node;       // sdb->triggers
    struct list woken_node; // server->woken or session->held_triggers, if it is woken
    const char *method;     // "transact" or "convert"
    struct text *id;        // as the client wrote it
    struct text *key;       // id_key()
    struct text *params;
    usec_t created;
    struct timer timeout; // server->timeouts; not set: no timeout
    struct wake *wakes;
    size_t n_wakes;
    // Forwarded requests, see forward.c.
    bool is_unsent;    // it waits for the source: counted in sdb->n_unsent
    bool is_forwarded; // it has been sent, and there is no answer yet
    bool is_answered;  // with `outcome` and `answer`
    usec_t sent;       // when it was forwarded, by the server's clock
    void *request;     // of the forwarder
    enum forwarded_outcome outcome;
    struct buf answer;
};

// The session's trigger of the request `id`, or NULL.
struct trigger *session_find_trigger(const struct session *session, struct slice id);
// Makes a trigger that waits for nothing yet. The caller has checked the limit.
struct trigger *trigger_new(struct session *session, struct served_db *sdb, const char *method,
                            struct slice id, struct slice params, usec_t created);
// Ends the trigger with the error reply "canceled".
void trigger_cancel(struct trigger *trigger);
// Frees the trigger. If it is forwarded, the source is asked to cancel it.
void trigger_free(struct trigger *trigger);
// Puts the trigger at the end of server->woken, unless it is woken already.
void trigger_wake(struct trigger *trigger);

// forward.c
// True if the source executes this transaction.
bool served_db_forwards(const struct session *session, const struct served_db *sdb,
                        struct slice params);
// Forwards the trigger, or lets it wait until the source is ready. `is_next`: it is the first of
// those that are woken, so no earlier request is overtaken.
void trigger_forward(struct trigger *trigger, bool is_next);
// The trigger does not wait for the source any more.
void trigger_stop_forwarding(struct trigger *trigger);
// Forwards a request "convert" that has been checked.
void session_forward_convert(struct session *session, struct served_db *sdb,
                             const struct message *request, usec_t now);
// Sends the reply of an answered trigger, and frees the trigger.
void trigger_reply_forwarded(struct trigger *trigger);
// Sends the error reply to a request of which it is not known whether the source executed it.
void session_reply_lost(struct session *session, struct slice id);
