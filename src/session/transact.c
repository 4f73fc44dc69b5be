// SPDX-License-Identifier: Apache-2.0
// Transactions (RFC 7047 4.1.3, 4.1.4). A transaction that must wait becomes a trigger, which keeps
// the text of the request and runs it again when a table that it waits for changes or when its
// timeout is over.
//
//     request --run--> done: reply
//                  |
//                  +-> must wait: waiting --commit to its tables, timeout--> woken --run again--> ...
//                                 |
//                                 +--cancel---------> reply "canceled"
//                                 +--end of session-> no reply
//
// A commit finds the triggers of its tables in served_db.wakes, server_run() finds those whose
// timeout is over in server->timeouts. A woken trigger of a session that waits for the initial
// contents of a monitor is held until these have been sent.
#include "engine/transact.h"
#include "basic/counter.h"
#include "basic/log.h"
#include "session/params.h"
#include "session/reply.h"
#include "json/emit.h"

#include <assert.h>

LOG_MODULE(session);
COUNTER(transactions_waited, "Transactions that had to wait");
DURATION(transaction, "Runs of transactions that ended them, without the sync to the disk");
COUNTER(transactions_run_again, "Times that a waiting transaction was run again");

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
    struct text *id;        // as the client wrote it
    struct text *key;       // id_key()
    struct text *params;
    usec_t created;
    struct timer timeout; // server->timeouts; not set: no timeout
    struct wake *wakes;
    size_t n_wakes;
};

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

static void trigger_unwait(struct trigger *trigger)
{
    timers_clear(&trigger->session->server->timeouts, &trigger->timeout);
    for (size_t i = 0; i < trigger->n_wakes; i++) {
        list_remove(&trigger->wakes[i].node);
    }
    free(TAKE_PTR(trigger->wakes));
    trigger->n_wakes = 0;
    list_remove(&trigger->woken_node);
}

static struct trigger *trigger_new(struct session *session, struct served_db *sdb, struct slice id,
                                   struct slice params, usec_t now,
                                   const struct transact_result *result)
{
    struct trigger *trigger = NEW(struct trigger);

    trigger->session = session;
    trigger->sdb = sdb;
    trigger->id = text_new(id);
    trigger->key = id_key(id);
    trigger->params = text_new(params);
    trigger->created = now;
    list_init(&trigger->woken_node);
    list_push_back(&sdb->triggers, &trigger->node);
    htable_insert(&session->triggers, text_hash(trigger->key), trigger);
    session->server->n_triggers++;
    COUNT(transactions_waited);
    trigger_wait(trigger, result);
    log_dbg("%s: transaction %s waits", session->name, trigger->key->data);
    return trigger;
}

static void trigger_free(struct trigger *trigger)
{
    struct session *session = trigger->session;

    trigger_unwait(trigger);
    list_remove(&trigger->node);
    htable_remove(&session->triggers, text_hash(trigger->key), trigger);
    assert(session->server->n_triggers);
    session->server->n_triggers--;
    text_unref(trigger->id);
    text_unref(trigger->key);
    text_unref(trigger->params);
    free(trigger);
}

// Ends the trigger with the error reply "canceled".
static void trigger_cancel(struct trigger *trigger)
{
    session_reply_error_text(trigger->session, text_slice(trigger->id), "canceled");
    trigger_free(trigger);
}

static struct trigger *find_trigger(const struct session *session, struct slice id)
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

// Runs a transaction, sends the updates of the session's monitors, and then the reply. Returns true
// if the transaction must wait instead; then *ret says for which tables and how long, and the caller
// frees ret->tables.
static bool transaction_run(struct session *session, const struct served_db *sdb, struct slice id,
                            struct slice params, usec_t elapsed, struct transact_result *ret)
{
    struct buf *out = session_out(session);
    const struct transact_request request = {
        .params = params,
        .elapsed = elapsed,
        .read_only = session->read_only || served_db_is_read_only(sdb),
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

    if (served_db_holds(sdb, params)) {
        *ret = (struct transact_result){.timeout = USEC_INFINITY};
        return true;
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
        return false;
    }
    if (status == TRANSACT_WAIT) {
        return true;
    }
    done.reply_size = out->size - size;
    done.failed = ret->failed;
    count_transaction(session, &done);
    buf_putc(out, '}');
    session_flush_monitors(session);
    session_send_out(session, sdb);
    return false;
}

// Runs a transaction, and makes it a trigger if it must wait.
static void transaction_start(struct session *session, struct served_db *sdb,
                              const struct message *request, usec_t now)
{
    struct transact_result result = {0};
    struct ovsdb_error *error;

    if (!transaction_run(session, sdb, request->id, request->params, 0, &result)) {
        return;
    }
    error = session_check_limit(session, LIMITED_TRIGGERS);
    if (error) {
        session_reply_error(session, request->id, error);
    } else {
        trigger_new(session, sdb, request->id, request->params, now, &result);
    }
    free((void *)result.tables);
}

void method_transact(struct session *session, const struct message *request, usec_t now)
{
    struct served_db *sdb;
    struct ovsdb_error *error = params_database(session, request, &sdb);

    if (!error && find_trigger(session, request->id)) {
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
        trigger = find_trigger(session, id);
    }
    if (trigger) {
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
        assert(find_trigger(session, text_slice(trigger->id)) == trigger);
        for (size_t i = 0; i < trigger->n_wakes; i++) {
            assert(trigger->wakes[i].trigger == trigger);
            assert(!list_is_empty(&trigger->wakes[i].node));
        }
        // One that waits for no table waits for a conversion, and then it is woken.
        assert(trigger->n_wakes || is_woken || trigger->sdb->conversion);
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

static void trigger_wake(struct trigger *trigger)
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
        trigger_unwait(trigger);
        trigger_wake(trigger);
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

static void save_trigger(const struct trigger *trigger, struct buf *buf)
{
    buf_printf(buf, "[\"%s\",", db_schema(trigger->sdb->db)->name);
    buf_put_slice(buf, text_slice(trigger->id));
    buf_putc(buf, ',');
    buf_put_slice(buf, text_slice(trigger->params));
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
    struct transact_result result = {.timeout = USEC_INFINITY};
    struct slice parts[4], name;
    struct served_db *sdb;
    uint64_t created;

    if (json_cut(saved, parts, 4) != 4 || json_kind_of(parts[2]) != JSON_KIND_ARRAY ||
        !json_read_count(parts[3], &created) || !json_read_string(parts[0], scratch, &name)) {
        return false;
    }
    sdb = server_find(session->server, name);
    if (!sdb || find_trigger(session, parts[1])) {
        return false;
    }
    session_add_use(session, sdb);
    trigger_wake(trigger_new(session, sdb, parts[1], parts[2], created, &result));
    return true;
}

usec_t server_triggers_deadline(const struct server *server)
{
    if (!list_is_empty(&server->woken)) {
        return 0;
    }
    return timers_next(&server->timeouts);
}

static void trigger_run_again(struct trigger *trigger, usec_t now)
{
    usec_t elapsed = now > trigger->created ? now - trigger->created : 0;
    struct session *session = trigger->session;
    usec_t start = server_clock(session->server);
    struct transact_result result = {0};

    trigger_unwait(trigger);
    COUNT(transactions_run_again);
    if (transaction_run(session, trigger->sdb, text_slice(trigger->id), text_slice(trigger->params),
                        elapsed, &result)) {
        trigger_wait(trigger, &result);
        free((void *)result.tables);
    } else {
        trigger_free(trigger);
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
