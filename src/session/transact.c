// SPDX-License-Identifier: Apache-2.0
// Transactions (RFC 7047 4.1.3, 4.1.4). A transaction that must wait becomes a trigger, which keeps
// the text of the request and runs it again when a table that it waits for changes or when its
// timeout is over.
//
//     request --run--> done: reply
//                  |
//                  +-> must wait: waiting --commit to its tables, timeout--> woken --run again-->
//                  ...
//                                 |
//                                 +--cancel---------> reply "canceled"
//                                 +--end of session-> no reply
//
// A relay does not execute transactions that could write: forward.c has their states.
//
// A commit finds the triggers of its tables in served_db.wakes, server_run() finds those whose
// timeout is over in server->timeouts. A woken trigger of a session that waits for the initial
// contents of a monitor is held until these have been sent.
#include "engine/transact.h"
#include "basic/counter.h"
#include "basic/log.h"
#include "session/params.h"
#include "session/reply.h"
#include "session/trigger.h"
#include "json/emit.h"

#include <assert.h>

LOG_MODULE(session);
COUNTER(transactions_waited, "Transactions that had to wait");
DURATION(transaction, "Runs of transactions that ended them, without the sync to the disk");
COUNTER(transactions_run_again, "Times that a waiting transaction was run again");

// Registers the trigger for changes of its tables and for its timeout.
static void trigger_wait(struct trigger *trigger, const struct transact_result *result)
{
    assert(!trigger->wakes && list_is_empty(&trigger->woken_node));
    if (result->timeout < USEC_INFINITY - trigger->created) {
        timers_set(&trigger->session->server->timeouts, &trigger->timeout,
                   trigger->created + result->timeout);
    }
    trigger->wakes = NEW_ARRAY(struct wake, result->n_tables + 1);
    trigger->n_wakes = result->n_tables;
    for (size_t i = 0; i < result->n_tables; i++) {
        trigger->wakes[i].trigger = trigger;
        list_push_back(&trigger->sdb->wakes[result->tables[i]->index], &trigger->wakes[i].node);
    }
}

static void trigger_stop_waiting(struct trigger *trigger)
{
    timers_clear(&trigger->session->server->timeouts, &trigger->timeout);
    for (size_t i = 0; i < trigger->n_wakes; i++) {
        list_remove(&trigger->wakes[i].node);
    }
    free(TAKE_PTR(trigger->wakes));
    trigger->n_wakes = 0;
    list_remove(&trigger->woken_node);
}

struct trigger *trigger_new(struct session *session, struct served_db *sdb, const char *method,
                            struct slice id, struct slice params, usec_t created)
{
    struct trigger *trigger = NEW(struct trigger);

    trigger->session = session;
    trigger->sdb = sdb;
    trigger->method = method;
    trigger->id = text_new(id);
    trigger->key = id_key(id);
    trigger->params = text_new(params);
    trigger->created = created;
    list_init(&trigger->woken_node);
    list_push_back(&sdb->triggers, &trigger->node);
    htable_insert(&session->triggers, text_hash(trigger->key), trigger);
    session->server->n_triggers++;
    return trigger;
}

void trigger_free(struct trigger *trigger)
{
    struct session *session = trigger->session;

    trigger_stop_waiting(trigger);
    trigger_stop_forwarding(trigger);
    list_remove(&trigger->node);
    htable_remove(&session->triggers, text_hash(trigger->key), trigger);
    assert(session->server->n_triggers);
    session->server->n_triggers--;
    text_unref(trigger->id);
    text_unref(trigger->key);
    text_unref(trigger->params);
    buf_done(&trigger->answer);
    free(trigger);
}

void trigger_cancel(struct trigger *trigger)
{
    session_reply_error_text(trigger->session, text_slice(trigger->id), "canceled");
    trigger_free(trigger);
}

struct trigger *session_find_trigger(const struct session *session, struct slice id)
{
    _cleanup_text_ struct text *key = NULL;
    struct trigger *trigger;

    if (!session->triggers.n) {
        return NULL;
    }
    key = id_key(id);
    HTABLE_FOREACH_WITH_HASH(trigger, &session->triggers, text_hash(key))
    {
        if (slice_equals(text_slice(trigger->key), text_slice(key))) {
            return trigger;
        }
    }
    return NULL;
}

static void count_transaction(struct session *session, const struct slow_run *run)
{
    session->server->n_transactions++;
    session->n_transactions++;
    duration_add(&duration_transaction, run->duration);
    slow_log_add(session, run);
}

enum run_end {
    RUN_REPLIED,  // the reply has been sent
    RUN_WAITS,    // the transaction must wait
    RUN_FORWARDS, // the source executes it
};

// Runs a transaction, sends the updates of the session's monitors, and then the reply. RUN_WAITS:
// *ret says for which tables and how long, and the caller frees ret->tables.
static enum run_end transaction_run(struct session *session, const struct served_db *sdb,
                                    struct slice id, struct slice params, usec_t elapsed,
                                    struct transact_result *ret)
{
    struct buf *out = session_out(session);
    bool forwards = served_db_forwards(session, sdb, params);
    const struct transact_request request = {
        .params = params,
        .elapsed = elapsed,
        .read_only = session->read_only || (served_db_is_read_only(sdb) && !forwards),
        .check_only = forwards,
        .owns_lock = session_owns_lock,
        .role = session->role,
        .client_id = session->client_id,
        .denied = session_log_denial,
        .userdata = session,
    };
    struct slow_run done = {db_schema(sdb->db)->name, params, .waited = elapsed};
    enum transact_status status;
    struct ovsdb_error *error;
    size_t size;

    if (forwards && !session->role && params_assert_owned(params, session_owns_lock, session)) {
        return RUN_FORWARDS;
    }
    if (served_db_holds(sdb, params)) {
        *ret = (struct transact_result){.timeout = USEC_INFINITY};
        return RUN_WAITS;
    }
    message_begin_reply(out, id);
    size = out->size;
    done.duration = server_clock(session->server);
    assert(!session->server->author);
    session->server->author = session;
    error = transact_run(sdb->db, &request, out, &status, ret);
    session->server->author = NULL;
    done.duration = server_clock(session->server) - done.duration;
    if (error) {
        session_reply_error(session, id, error);
        return RUN_REPLIED;
    }
    if (status == TRANSACT_WAIT) {
        return RUN_WAITS;
    }
    if (forwards && !ret->failed) {
        return RUN_FORWARDS;
    }
    done.reply_size = out->size - size;
    done.failed = ret->failed;
    count_transaction(session, &done);
    buf_putc(out, '}');
    session_flush_monitors(session);
    session_send_out(session, sdb);
    return RUN_REPLIED;
}

// Makes the transaction a trigger if it ended so.
static void transaction_become_trigger(struct session *session, struct served_db *sdb,
                                       const struct message *request, usec_t now, enum run_end end,
                                       const struct transact_result *result)
{
    struct trigger *trigger;

    if (session_refuse_beyond_limit(session, request->id, LIMITED_TRIGGERS)) {
        return;
    }
    trigger = trigger_new(session, sdb, "transact", request->id, request->params, now);
    if (end == RUN_FORWARDS) {
        trigger_forward(trigger, false);
        return;
    }
    COUNT(transactions_waited);
    trigger_wait(trigger, result);
    log_dbg("%s: transaction %s waits", session->name, trigger->key->data);
}

// Runs a transaction, and makes it a trigger if it must wait or is forwarded.
static void transaction_start(struct session *session, struct served_db *sdb,
                              const struct message *request, usec_t now)
{
    struct transact_result result = {0};
    enum run_end end = transaction_run(session, sdb, request->id, request->params, 0, &result);

    if (end != RUN_REPLIED) {
        transaction_become_trigger(session, sdb, request, now, end, &result);
        free((void *)result.tables);
    }
}

void method_transact(struct session *session, const struct message *request, usec_t now)
{
    struct served_db *sdb;
    struct ovsdb_error *error = params_database(session, request, &sdb);

    if (!error && session_find_trigger(session, request->id)) {
        error = error_syntax(request->params, "transact: duplicate request ID");
    }
    if (error) {
        session_reply_error(session, request->id, error);
        return;
    }
    transaction_start(session, sdb, request, now);
}

// RFC 7047 4.1.4: "cancel" is a notification. The canceled transaction gets the reply.
void method_cancel(struct session *session, const struct message *request, usec_t now)
{
    struct trigger *trigger = NULL;
    struct slice id;

    if (json_cut(request->params, &id, 1) == 1) {
        trigger = session_find_trigger(session, id);
    }
    if (trigger && trigger->is_forwarded) {
        trigger->sdb->forwarder->cancel(trigger->sdb->forwarder_userdata, trigger->request);
    } else if (trigger && !trigger->is_answered) {
        trigger_cancel(trigger);
    }
}

void session_check_triggers(const struct session *session)
{
    const struct trigger *trigger;

    HTABLE_FOREACH(trigger, &session->triggers)
    {
        bool is_woken = !list_is_empty(&trigger->woken_node);

        assert(trigger->session == session && trigger->sdb->server == session->server);
        assert(session_find_trigger(session, text_slice(trigger->id)) == trigger);
        for (size_t i = 0; i < trigger->n_wakes; i++) {
            assert(trigger->wakes[i].trigger == trigger);
            assert(!list_is_empty(&trigger->wakes[i].node));
        }
        assert(trigger->is_forwarded + trigger->is_unsent + trigger->is_answered <= 1);
        assert(!trigger->is_forwarded || (!trigger->n_wakes && !is_woken));
        // One that waits for no table waits for a conversion, the schema or the source.
        assert(trigger->n_wakes || is_woken || trigger->sdb->conversion ||
               !trigger->sdb->state.has_schema || trigger->is_forwarded || trigger->is_unsent);
    }
}

void session_cancel_triggers(struct session *session)
{
    while (session->triggers.n) {
        size_t state = 0;

        trigger_free(htable_next(&session->triggers, &state));
    }
    htable_done(&session->triggers);
}

void served_db_cancel_triggers(struct served_db *sdb)
{
    while (!list_is_empty(&sdb->triggers)) {
        trigger_cancel(LIST_FIRST(&sdb->triggers, struct trigger, node));
    }
}

void trigger_wake(struct trigger *trigger)
{
    if (list_is_empty(&trigger->woken_node)) {
        list_push_back(&trigger->session->server->woken, &trigger->woken_node);
    }
}

void served_db_wake(struct served_db *sdb, const struct changeset *changes)
{
    for (size_t i = 0; i < changes->n_tables; i++) {
        struct wake *place;

        LIST_FOREACH (place, &sdb->wakes[changes->tables[i].table->index], node) {
            trigger_wake(place->trigger);
        }
    }
}

// A transaction that waits only for the end of a conversion waits for no table, and stays.
void served_db_cancel_waits(struct served_db *sdb)
{
    struct trigger *trigger, *next;

    LIST_FOREACH_SAFE (trigger, next, &sdb->triggers, node) {
        if (trigger->n_wakes) {
            trigger_cancel(trigger);
        }
    }
}

void served_db_run_all(struct served_db *sdb)
{
    struct trigger *trigger;

    LIST_FOREACH (trigger, &sdb->triggers, node) {
        if (!trigger->is_forwarded && !trigger->is_answered) {
            trigger_stop_waiting(trigger);
            trigger_wake(trigger);
        }
    }
}

void session_wake_held_triggers(struct session *session)
{
    while (!list_is_empty(&session->held_triggers)) {
        struct trigger *trigger = LIST_FIRST(&session->held_triggers, struct trigger, woken_node);

        list_remove(&trigger->woken_node);
        list_push_back(&session->server->woken, &trigger->woken_node);
    }
}

static int compare_ages(const void *a_, const void *b_)
{
    const struct trigger *const *a = a_, *const *b = b_;

    return ((*a)->created > (*b)->created) - ((*a)->created < (*b)->created);
}

// The connection to the source is lost with this process, so a forwarded request is saved without
// params: it must not be forwarded again.
static void save_trigger(const struct trigger *trigger, struct buf *buf)
{
    bool is_lost =
        trigger->is_forwarded || trigger->is_answered || !strcmp(trigger->method, "convert");

    buf_printf(buf, "[\"%s\",", db_schema(trigger->sdb->db)->name);
    buf_put_slice(buf, text_slice(trigger->id));
    buf_putc(buf, ',');
    buf_put_slice(buf, is_lost ? SLICE("null") : text_slice(trigger->params));
    buf_printf(buf, ",%llu]", (unsigned long long)trigger->created);
}

// Saves the triggers in the order of their requests: woken ones must run in this order.
void session_save_triggers(const struct session *session, struct buf *buf)
{
    _cleanup_free_ struct trigger **triggers = NEW_ARRAY(struct trigger *, session->triggers.n + 1);
    struct trigger *trigger;
    size_t n = 0;

    HTABLE_FOREACH(trigger, &session->triggers)
    {
        triggers[n++] = trigger;
    }
    qsort(triggers, n, sizeof(struct trigger *), compare_ages);
    buf_putc(buf, '[');
    for (size_t i = 0; i < n; i++) {
        emit_next(buf);
        save_trigger(triggers[i], buf);
    }
    buf_putc(buf, ']');
}

bool session_restore_trigger(struct session *session, struct slice saved)
{
    struct buf *scratch = &session->server->scratch;
    struct slice parts[4], name;
    struct served_db *sdb;
    uint64_t created;

    if (json_cut(saved, parts, 4) != 4 || !json_read_count(parts[3], &created) ||
        !json_read_string(parts[0], scratch, &name)) {
        return false;
    }
    if (json_kind_of(parts[2]) == JSON_KIND_NULL) {
        session_reply_lost(session, parts[1]);
        return true;
    }
    if (json_kind_of(parts[2]) != JSON_KIND_ARRAY) {
        return false;
    }
    sdb = server_find(session->server, name);
    if (!sdb || session_find_trigger(session, parts[1])) {
        return false;
    }
    session_add_use(session, sdb);
    trigger_wake(trigger_new(session, sdb, "transact", parts[1], parts[2], created));
    return true;
}

usec_t server_triggers_deadline(const struct server *server)
{
    if (!list_is_empty(&server->woken)) {
        return 0;
    }
    return timers_next(&server->timeouts);
}

static void transaction_run_again(struct trigger *trigger, usec_t now)
{
    usec_t elapsed = now > trigger->created ? now - trigger->created : 0;
    struct transact_result result = {0};

    COUNT(transactions_run_again);
    switch (transaction_run(trigger->session, trigger->sdb, text_slice(trigger->id),
                            text_slice(trigger->params), elapsed, &result)) {
    case RUN_REPLIED:
        trigger_free(trigger);
        break;
    case RUN_WAITS:
        trigger_stop_forwarding(trigger);
        trigger_wait(trigger, &result);
        free((void *)result.tables);
        break;
    case RUN_FORWARDS:
        trigger_forward(trigger, true);
        break;
    }
}

static void trigger_run_again(struct trigger *trigger, usec_t now)
{
    struct session *session = trigger->session;
    usec_t start = server_clock(session->server);

    trigger_stop_waiting(trigger);
    if (trigger->is_answered) {
        trigger_reply_forwarded(trigger);
    } else if (!strcmp(trigger->method, "convert")) {
        trigger_forward(trigger, true);
    } else {
        transaction_run_again(trigger, now);
    }
    session->busy += server_clock(session->server) - start;
}

bool server_run_triggers(struct server *server, usec_t now, size_t *budget)
{
    struct timer *timer;

    while ((timer = timers_pop(&server->timeouts, now))) {
        trigger_wake(CONTAINER_OF(timer, struct trigger, timeout));
    }
    for (; *budget && !list_is_empty(&server->woken); --*budget) {
        struct trigger *trigger = LIST_FIRST(&server->woken, struct trigger, woken_node);

        if (trigger->session->starting) {
            list_remove(&trigger->woken_node);
            list_push_back(&trigger->session->held_triggers, &trigger->woken_node);
        } else {
            trigger_run_again(trigger, now);
        }
    }
    return !list_is_empty(&server->woken);
}
