// SPDX-License-Identifier: Apache-2.0
// Locks (RFC 7047 4.1.8-4.1.10). A lock has one owner, and a queue of the other sessions that have
// requested it, in order of their requests. The states of a session for one lock:
//
//     none --lock, no owner--> owner --unlock or end of session--> none
//     none --lock, owned-----> queued --all before it have left--> owner
//     none --steal-----------> owner
//     owner by "lock"  --stolen--> queued, directly behind the thief
//     owner by "steal" --stolen--> lost --unlock--> none
#include "basic/log.h"
#include "model/schema.h"
#include "session/params.h"
#include "session/reply.h"
#include "json/emit.h"

#include <assert.h>

LOG_MODULE(session);

// Exists while it has an owner.
struct lock {
    struct list waiters; // struct lock_waiter; the first is the owner
    struct text *name;
};

struct lock_waiter {
    struct list node;  // lock->waiters, unless it is lost
    struct lock *lock; // NULL if it is lost
    struct session *session;
    bool is_thief;     // requested by "steal"
    bool is_lost;      // requested by "steal" and stolen by another session
    uint64_t position; // in the queue when it was saved; 0 otherwise
    struct text *name;
};

static struct lock *find_lock(const struct server *server, const struct text *name)
{
    struct lock *lock;

    HTABLE_FOREACH_WITH_HASH(lock, &server->locks, text_hash(name))
    {
        if (slice_equals(text_slice(lock->name), text_slice(name))) {
            return lock;
        }
    }
    return NULL;
}

static struct lock *get_lock(struct server *server, struct text *name)
{
    struct lock *lock = find_lock(server, name);

    if (!lock) {
        lock = NEW(struct lock);
        list_init(&lock->waiters);
        lock->name = text_ref(name);
        htable_insert(&server->locks, text_hash(name), lock);
    }
    return lock;
}

static struct lock_waiter *lock_owner(const struct lock *lock)
{
    return list_is_empty(&lock->waiters) ? NULL
                                         : LIST_FIRST(&lock->waiters, struct lock_waiter, node);
}

static struct lock_waiter *find_waiter(const struct session *session, struct slice name)
{
    struct lock_waiter *waiter;

    HTABLE_FOREACH_WITH_HASH(waiter, &session->locks, hash_bytes(name.data, name.size, 0))
    {
        if (slice_equals(text_slice(waiter->name), name)) {
            return waiter;
        }
    }
    return NULL;
}

// The caller must add it to a lock or mark it as lost.
static struct lock_waiter *waiter_new(struct session *session, struct slice name, bool is_thief)
{
    struct lock_waiter *waiter = NEW(struct lock_waiter);

    list_init(&waiter->node);
    waiter->session = session;
    waiter->is_thief = is_thief;
    waiter->name = text_new(name);
    htable_insert(&session->locks, text_hash(waiter->name), waiter);
    session->server->n_lock_changes++;
    return waiter;
}

static bool waiter_owns(const struct lock_waiter *waiter)
{
    return !waiter->is_lost && lock_owner(waiter->lock) == waiter;
}

static void waiter_notify(struct lock_waiter *waiter, const char *method)
{
    _cleanup_buf_ struct buf params = {0};

    buf_putc(&params, '[');
    emit_string(&params, text_slice(waiter->name));
    buf_putc(&params, ']');
    session_notify(waiter->session, method, buf_slice(&params));
}

static void waiter_free(struct lock_waiter *waiter)
{
    struct server *server = waiter->session->server;
    struct lock *lock = waiter->lock;
    bool owned = waiter_owns(waiter);

    assert(waiter->is_lost == !lock);
    server->n_lock_changes++;
    htable_remove(&waiter->session->locks, text_hash(waiter->name), waiter);
    list_remove(&waiter->node);
    if (!waiter->is_lost && list_is_empty(&lock->waiters)) {
        htable_remove(&server->locks, text_hash(lock->name), lock);
        text_unref(lock->name);
        free(lock);
    } else if (owned) {
        log_dbg("%s: gets lock %s", lock_owner(lock)->session->name, lock->name->data);
        waiter_notify(lock_owner(lock), "locked");
    }
    text_unref(waiter->name);
    free(waiter);
}

// Takes the lock from its owner, if there is one.
static void lock_take_from_owner(struct lock *lock)
{
    struct lock_waiter *owner = lock_owner(lock);

    if (!owner) {
        return;
    }
    log_dbg("%s: lock %s is stolen", owner->session->name, lock->name->data);
    waiter_notify(owner, "stolen");
    if (owner->is_thief) {
        list_remove(&owner->node);
        owner->is_lost = true;
        owner->lock = NULL;
    }
}

// Inserts a restored waiter into the queue by its saved position. Sessions that were before it may
// be missing.
static void lock_insert_at_position(struct lock *lock, struct lock_waiter *waiter)
{
    struct list *where = &lock->waiters;

    while (where->prev != &lock->waiters &&
           CONTAINER_OF(where->prev, struct lock_waiter, node)->position > waiter->position) {
        where = where->prev;
    }
    list_insert_before(where, &waiter->node);
}

static uint64_t waiter_position(const struct lock_waiter *waiter)
{
    const struct list *node = &waiter->node;
    uint64_t position = 0;

    assert(!waiter->is_lost);
    while (node->prev != &waiter->lock->waiters) {
        node = node->prev;
        position++;
    }
    return position;
}

void session_save_locks(const struct session *session, struct buf *buf)
{
    const struct lock_waiter *waiter;
    const char *separator = "";

    buf_putc(buf, '[');
    HTABLE_FOREACH(waiter, &session->locks)
    {
        buf_printf(buf, "%s[\"%s\",", separator, waiter->name->data);
        emit_boolean(buf, waiter->is_thief);
        if (waiter->is_lost) {
            buf_puts(buf, ",null]");
        } else {
            buf_printf(buf, ",%llu]", (unsigned long long)waiter_position(waiter));
        }
        separator = ",";
    }
    buf_putc(buf, ']');
}

bool session_restore_lock(struct session *session, struct slice saved)
{
    struct slice parts[3], name;
    uint64_t position = 0;
    bool is_thief;
    struct lock_waiter *waiter;

    if (json_cut(saved, parts, 3) != 3 || !json_read_boolean(parts[1], &is_thief) ||
        (!json_read_count(parts[2], &position) && json_kind_of(parts[2]) != JSON_KIND_NULL) ||
        !json_read_string(parts[0], &session->server->scratch, &name) || !id_is_valid(name) ||
        find_waiter(session, name)) {
        return false;
    }
    waiter = waiter_new(session, name, is_thief);
    waiter->position = position;
    if (json_kind_of(parts[2]) == JSON_KIND_NULL) {
        waiter->is_lost = true;
    } else {
        waiter->lock = get_lock(session->server, waiter->name);
        lock_insert_at_position(waiter->lock, waiter);
    }
    return true;
}

void server_settle_locks(struct server *server)
{
    const struct lock *lock;

    HTABLE_FOREACH(lock, &server->locks)
    {
        struct lock_waiter *owner = lock_owner(lock);

        assert(owner);
        if (owner->position) {
            waiter_notify(owner, "locked");
        }
    }
}

// Parses params of one <id>. The caller unrefs *ret. Returns false, after sending an error reply,
// if they are anything else.
static bool parse_name(struct session *session, const struct message *request, struct text **ret)
{
    struct slice value, name = SLICE_EMPTY;

    if (json_cut(request->params, &value, 1) == 1 && json_kind_of(value) == JSON_KIND_STRING) {
        struct cursor cursor;

        cursor_init(&cursor, value);
        name = cursor_string(&cursor, &session->server->scratch);
    }
    if (!name.size || !id_is_valid(name)) {
        session_reply_error(session, request->id,
                            error_syntax(request->params,
                                         SLICE_FORMAT ": params must be one <id>, the lock's name",
                                         SLICE_ARGS(request->method)));
        return false;
    }
    *ret = text_new(name);
    return true;
}

static struct ovsdb_error *check_lock(struct session *session, const struct message *request,
                                      const struct text *name)
{
    bool refuse = session_uses_only_backups(session);

    session->lock_refused |= refuse;
    if (session->read_only || refuse) {
        return error_new(ERROR_NOT_ALLOWED, SLICE_FORMAT " of %s: the databases are read-only here",
                         SLICE_ARGS(request->method), name->data);
    }
    if (find_waiter(session, text_slice(name))) {
        return error_syntax(request->params,
                            SLICE_FORMAT ": lock %s needs an \"unlock\" before the next request",
                            SLICE_ARGS(request->method), name->data);
    }
    return NULL;
}

static void lock_or_steal(struct session *session, const struct message *request, bool steal)
{
    _cleanup_text_ struct text *name = NULL;
    struct lock_waiter *waiter;
    struct ovsdb_error *error;

    if (!parse_name(session, request, &name)) {
        return;
    }
    if ((error = check_lock(session, request, name))) {
        session_reply_error(session, request->id, error);
        return;
    }
    if (session_refuse_beyond_limit(session, request->id, LIMITED_LOCKS)) {
        return;
    }
    waiter = waiter_new(session, text_slice(name), steal);
    waiter->lock = get_lock(session->server, name);
    if (steal) {
        lock_take_from_owner(waiter->lock);
        list_push_front(&waiter->lock->waiters, &waiter->node);
    } else {
        list_push_back(&waiter->lock->waiters, &waiter->node);
    }
    session_reply(session, request->id,
                  waiter_owns(waiter) ? SLICE("{\"locked\":true}") : SLICE("{\"locked\":false}"));
}

void method_lock(struct session *session, const struct message *request, usec_t now)
{
    lock_or_steal(session, request, false);
}

void method_steal(struct session *session, const struct message *request, usec_t now)
{
    lock_or_steal(session, request, true);
}

void method_unlock(struct session *session, const struct message *request, usec_t now)
{
    _cleanup_text_ struct text *name = NULL;
    struct lock_waiter *waiter;

    if (!parse_name(session, request, &name)) {
        return;
    }
    waiter = find_waiter(session, text_slice(name));
    if (!waiter) {
        session_reply_error(session, request->id,
                            error_syntax(request->params,
                                         "unlock: the session has not requested lock %s",
                                         name->data));
        return;
    }
    waiter_free(waiter);
    session_reply(session, request->id, SLICE("{}"));
}

bool session_owns_lock(void *userdata, struct slice lock)
{
    const struct session *session = userdata;
    const struct lock_waiter *waiter = find_waiter(session, lock);

    return session->owns_locks || (waiter && waiter_owns(waiter));
}

static enum lock_state lock_state_of(const struct lock_waiter *waiter)
{
    return waiter->is_lost ? LOCKS_LOST : waiter_owns(waiter) ? LOCKS_HELD : LOCKS_WAITING;
}

size_t session_count_locks(const struct session *session, enum lock_state state)
{
    const struct lock_waiter *waiter;
    size_t n = 0;

    HTABLE_FOREACH(waiter, &session->locks)
    {
        n += lock_state_of(waiter) == state;
    }
    return n;
}

static int compare_names(const void *a, const void *b)
{
    return slice_compare(text_slice(*(struct text *const *)a),
                         text_slice(*(struct text *const *)b));
}

void session_put_locks(const struct session *session, enum lock_state state, struct buf *text)
{
    _cleanup_free_ struct text **names = NEW_ARRAY(struct text *, session->locks.n + 1);
    struct lock_waiter *waiter;
    size_t n = 0;

    HTABLE_FOREACH(waiter, &session->locks)
    {
        if (lock_state_of(waiter) == state) {
            names[n++] = waiter->name;
        }
    }
    qsort(names, n, sizeof(*names), compare_names);
    for (size_t i = 0; i < n; i++) {
        buf_printf(text, "%s%s", i ? " " : "", names[i]->data);
    }
}

void server_check_locks(const struct server *server)
{
    const struct lock *lock;

    HTABLE_FOREACH(lock, &server->locks)
    {
        const struct lock_waiter *waiter;

        assert(lock_owner(lock));
        assert(find_lock(server, lock->name) == lock);
        LIST_FOREACH (waiter, &lock->waiters, node) {
            assert(waiter->lock == lock && !waiter->is_lost);
            assert(waiter->session->server == server && !waiter->session->is_closing);
            assert(find_waiter(waiter->session, text_slice(lock->name)) == waiter);
        }
    }
}

void session_release_locks(struct session *session)
{
    while (session->locks.n) {
        size_t state = 0;

        waiter_free(htable_next(&session->locks, &state));
    }
    htable_done(&session->locks);
}
