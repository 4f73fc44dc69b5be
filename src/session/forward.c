// SPDX-License-Identifier: Apache-2.0
// A forwarded request is a trigger in one of these states:
//
//     request --> unsent --source is ready, no earlier one is unsent--> forwarded --> reply
//
// The order of the requests of all clients of a database is kept: while one is unsent, those that
// follow are queued behind it in server->woken.
//
// A client with a role may not do at the source, where this server has no role, what it may not do
// here. Its transaction therefore runs here first, without a commit (transact_request.check_only).
// If it fails here, the client gets that result; if it waits for a condition, it waits here;
// otherwise it is forwarded. The same goes for a transaction that asserts a lock which its client
// does not own here: locks are those of one server, and the leader of a cluster relies on the check
// of the member that the client is connected to (session_options.owns_locks).
#include "session/forward.h"

#include "basic/counter.h"
#include "basic/log.h"
#include "session/params.h"
#include "session/reply.h"
#include "session/trigger.h"

#include <assert.h>

LOG_MODULE(session);
COUNTER(requests_forwarded, "Requests forwarded to the source of a relay");
COUNTER(forwarded_lost, "Forwarded requests whose reply was lost");

bool served_db_forwards(const struct session *session, const struct served_db *sdb,
                        struct slice params)
{
    return sdb->forwarder && !session->read_only &&
           params_could_write(params, &session->server->scratch);
}

void trigger_stop_forwarding(struct trigger *trigger)
{
    struct served_db *sdb = trigger->sdb;

    if (trigger->is_unsent) {
        assert(sdb->n_unsent);
        sdb->n_unsent--;
        trigger->is_unsent = false;
    }
    if (trigger->is_forwarded) {
        trigger->is_forwarded = false;
        sdb->forwarder->drop(sdb->forwarder_userdata, TAKE_PTR(trigger->request));
    }
}

void trigger_forward(struct trigger *trigger, bool is_next)
{
    struct served_db *sdb = trigger->sdb;

    assert(sdb->forwarder && !trigger->is_forwarded);
    if (sdb->is_source_ready && (is_next || !sdb->n_unsent)) {
        trigger_stop_forwarding(trigger);
        COUNT(requests_forwarded);
        trigger->is_forwarded = true;
        trigger->sent = server_clock(sdb->server);
        trigger->request = sdb->forwarder->forward(sdb->forwarder_userdata, trigger->method,
                                                   text_slice(trigger->params), trigger);
        return;
    }
    if (!trigger->is_unsent) {
        trigger->is_unsent = true;
        sdb->n_unsent++;
    }
    if (sdb->is_source_ready) {
        trigger_wake(trigger);
    }
}

void server_set_source_ready(struct server *server, struct db *db, bool is_ready)
{
    struct served_db *sdb = server_find(server, slice_of(db_schema(db)->name));
    struct trigger *trigger;

    assert(sdb && sdb->forwarder);
    sdb->is_source_ready = is_ready;
    LIST_FOREACH (trigger, &sdb->triggers, node) {
        if (is_ready && trigger->is_unsent) {
            trigger_wake(trigger);
        }
    }
}

// Ends or wakes the requests of the former forwarder.
static void release_triggers(struct served_db *sdb)
{
    struct trigger *trigger, *next;

    LIST_FOREACH_SAFE (trigger, next, &sdb->triggers, node) {
        bool is_convert = !strcmp(trigger->method, "convert");

        if (trigger->is_forwarded) {
            sdb->forwarder->drop(sdb->forwarder_userdata, trigger->request);
            server_forwarded(trigger, FORWARDED_LOST, SLICE_EMPTY);
        } else if (trigger->is_unsent && is_convert) {
            trigger_cancel(trigger);
        } else if (trigger->is_unsent) {
            trigger_stop_forwarding(trigger);
            trigger_wake(trigger);
        }
    }
}

void server_set_forwarder(struct server *server, struct db *db, const struct forwarder *forwarder,
                          void *userdata)
{
    struct served_db *sdb = server_find(server, slice_of(db_schema(db)->name));

    assert(sdb && !sdb->is_own && !sdb->conversion);
    if (sdb->forwarder) {
        release_triggers(sdb);
    }
    assert(!sdb->n_unsent);
    sdb->forwarder = forwarder;
    sdb->forwarder_userdata = userdata;
    sdb->is_source_ready = false;
}

// True if the result of a transaction contains an error.
static bool result_has_error(struct slice result)
{
    struct cursor cursor;

    if (json_kind_of(result) != JSON_KIND_ARRAY) {
        return false;
    }
    cursor_init(&cursor, result);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice element = cursor_skip(&cursor);

        if (json_kind_of(element) == JSON_KIND_OBJECT && json_member(element, "error").data) {
            return true;
        }
    }
    return false;
}

static void count_forwarded(const struct trigger *trigger, bool failed, size_t reply_size)
{
    struct session *session = trigger->session;

    if (strcmp(trigger->method, "convert")) {
        const struct slow_run run = {
            .database = db_schema(trigger->sdb->db)->name,
            .params = text_slice(trigger->params),
            .duration = server_clock(session->server) - trigger->sent,
            .waited = trigger->sent > trigger->created ? trigger->sent - trigger->created : 0,
            .reply_size = reply_size,
            .failed = failed,
        };

        if (!failed) {
            audit_forwarded(trigger->sdb, session, text_slice(trigger->params));
        }
        session->server->n_transactions++;
        session->n_transactions++;
        slow_log_add(session, &run);
    }
}

void session_reply_lost(struct session *session, struct slice id)
{
    COUNT(forwarded_lost);
    session_reply_error(session, id,
                        error_new(ERROR_CONNECTION_LOST,
                                  "the connection to the server that executes the request ended "
                                  "before the reply: it is not known whether it was executed"));
}

void trigger_reply_forwarded(struct trigger *trigger)
{
    struct session *session = trigger->session;
    struct slice id = text_slice(trigger->id), answer = buf_slice(&trigger->answer);
    bool is_result = trigger->outcome == FORWARDED_RESULT;

    assert(trigger->is_answered && !session->starting);
    count_forwarded(trigger, !is_result || result_has_error(answer), answer.size);
    session_flush_monitors(session);
    if (is_result) {
        session_reply(session, id, answer);
    } else if (trigger->outcome == FORWARDED_ERROR) {
        message_put_error(session_out(session), id, answer);
        session_send_out(session, trigger->sdb);
    } else {
        session_reply_lost(session, id);
    }
    trigger_free(trigger);
}

void server_forwarded(struct trigger *trigger, enum forwarded_outcome outcome, struct slice text)
{
    assert(trigger->is_forwarded && list_is_empty(&trigger->woken_node));
    trigger->is_forwarded = false;
    trigger->request = NULL;
    trigger->is_answered = true;
    trigger->outcome = outcome;
    buf_put_slice(&trigger->answer, text);
    if (trigger->session->starting) {
        // The contents of the monitor may not show the changes yet that the reply is about.
        list_push_back(&trigger->session->held_triggers, &trigger->woken_node);
    } else {
        trigger_reply_forwarded(trigger);
    }
}

void session_forward_convert(struct session *session, struct served_db *sdb,
                             const struct message *request, usec_t now)
{
    if (session_find_trigger(session, request->id)) {
        session_reply_error(session, request->id,
                            error_syntax(request->params, "convert: duplicate request ID"));
        return;
    }
    if (session_refuse_beyond_limit(session, request->id, LIMITED_TRIGGERS)) {
        return;
    }
    trigger_forward(trigger_new(session, sdb, "convert", request->id, request->params, now), false);
}
