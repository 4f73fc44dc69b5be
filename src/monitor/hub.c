// SPDX-License-Identifier: Apache-2.0
// The hub of a database's monitors: hears of commits and wakes the views they concern, and
// nobody else (watch.h). Views that have something to send are found on hub->dirty.
#include "monitor/condition_change.h"
#include "monitor/initial.h"

static void on_committed(struct db_observer *observer, struct db *db, struct changeset *changes)
{
    struct hub *hub = CONTAINER_OF(observer, struct hub, observer);

    watch_set_commit(hub->watches, changes, view_touch);
}

struct hub *hub_new(struct db *db, const struct monitor_sink *sink)
{
    struct hub *hub = NEW(struct hub);

    hub->db = db;
    hub->sink = sink;
    hub->watches = watch_set_new(db_schema(db));
    list_init(&hub->dirty);
    list_init(&hub->asked);
    list_init(&hub->initials);
    hub->history = history_new(db, HISTORY_MAX_CHANGES);
    hub->observer.committed = on_committed;
    db_add_observer(db, &hub->observer);
    return hub;
}

void hub_set_clock(struct hub *hub, usec_t (*clock)(void))
{
    hub->clock = clock;
}

usec_t hub_time(const struct hub *hub)
{
    return hub->clock ? hub->clock() : 0;
}

void hub_free(struct hub *hub)
{
    if (!hub) {
        return;
    }
    db_remove_observer(&hub->observer);
    history_free(hub->history);
    htable_done(&hub->views);
    buf_done(&hub->updates);
    buf_done(&hub->message);
    watch_set_free(hub->watches);
    free(hub);
}

static void expire_initials(struct hub *hub, usec_t now)
{
    while (!list_is_empty(&hub->initials)) {
        struct view *view = LIST_FIRST(&hub->initials, struct view, initial_node);

        if (view->initial_expires > now) {
            break;
        }
        view_drop_initial(view);
    }
}

bool hub_run(struct hub *hub, usec_t now, size_t *budget)
{
    history_settle(hub->history);
    while (*budget && !list_is_empty(&hub->dirty)) {
        struct view *view = LIST_FIRST(&hub->dirty, struct view, dirty_node);

        list_remove(&view->dirty_node);
        view_flush(view, budget);
        *budget -= *budget > 0;
    }
    initials_run(hub, now);
    expire_initials(hub, now);
    return !list_is_empty(&hub->dirty) || !list_is_empty(&hub->asked);
}

usec_t hub_deadline(const struct hub *hub)
{
    if (!list_is_empty(&hub->dirty)) {
        return 0;
    }
    if (list_is_empty(&hub->initials)) {
        return USEC_INFINITY;
    }
    return LIST_FIRST(&hub->initials, struct view, initial_node)->initial_expires;
}

struct uuid hub_last_txn_id(const struct hub *hub)
{
    return db_tail(hub->db)->txn_id;
}

void monitor_init(struct monitor *monitor, struct hub *hub, struct monitor_spec *spec,
                  struct text *id)
{
    *monitor = (struct monitor){.id = id};
    list_init(&monitor->node);
    monitor->view = view_get(hub, spec);
    monitor->view->n_monitors++;
}

// The monitor no longer is one of its view.
static void leave_view(struct monitor *monitor)
{
    struct view *view = TAKE_PTR(monitor->view);

    if (monitor->initial) {
        initial_remove(monitor);
    } else if (monitor->batch) {
        view_detach(monitor);
    }
    view->n_monitors--;
    view_collect(view);
}

void monitor_done(struct monitor *monitor)
{
    leave_view(monitor);
    text_unref(monitor->id);
}

const struct monitor_spec *monitor_spec(const struct monitor *monitor)
{
    return monitor->view->spec;
}

// The change set after which a client that has seen `txn_id` is to be told, or NULL. The same
// transaction may be known twice: as stored, and as a former process went on from.
static struct changeset *find_seen(const struct view *view, struct uuid txn_id)
{
    struct changeset *tail = db_tail(view->hub->db);
    struct changeset *seen =
        uuid_equals(tail->txn_id, txn_id) ? tail : history_find(view->hub->history, txn_id);

    // A transaction of before the start (seq 0) is known by its stored values only.
    return seen && (seen->seq || monitor_spec_is_persistent(view->spec)) ? seen : NULL;
}

// Starts `monitor` with what came after `seen`. Returns false if it does not concern it.
static bool start_after(struct monitor *monitor, const struct changeset *seen, struct chunks *ret)
{
    struct view *view = monitor->view;
    struct coalesced *coalesced = coalesced_new(view->spec);
    struct updates updates;
    bool any;

    coalesced_add(coalesced, seen->next);
    updates_begin(&updates, view->spec, &view->hub->updates);
    coalesced_write(coalesced, view->hub->db, &updates);
    any = updates_end(&updates, ret);
    coalesced_free(coalesced);
    view_attach(view, monitor, db_tail(view->hub->db));
    return any;
}

bool monitor_since(struct monitor *monitor, struct uuid txn_id, struct chunks *ret)
{
    const struct changeset *seen =
        uuid_is_zero(txn_id) ? NULL : find_seen(monitor->view, txn_id); // zero: has seen none

    if (seen) {
        start_after(monitor, seen, ret);
        view_count(monitor, ret, ret->size);
    }
    return seen;
}

bool monitor_continue(struct monitor *monitor, struct uuid txn_id)
{
    const struct changeset *seen = find_seen(monitor->view, txn_id);
    struct chunks missed = {0};

    if (seen && start_after(monitor, seen, &missed)) {
        view_send(monitor->view, monitor, &missed);
    }
    chunks_done(&missed);
    return seen;
}

void monitor_change(struct monitor *monitor, struct monitor_spec *spec, struct text *id)
{
    struct view *old = monitor->view;
    struct hub *hub = old->hub;
    struct updates updates;
    struct chunks chunks;
    bool has_changed = false;

    monitor_flush(monitor);
    text_unref(monitor->id);
    monitor->id = id;
    updates_begin(&updates, spec, &hub->updates);
    for (size_t i = 0; i < spec->n_tables; i++) {
        const struct monitor_table *a = &old->spec->tables[i], *b = &spec->tables[i];

        if (!slice_equals(text_slice(a->where), text_slice(b->where))) {
            has_changed = true;
            condition_change_write(&updates, a, b, db_table(hub->db, b->table));
        }
    }
    // An update3 says which state the new condition's rows are of, even when none comes or goes: a
    // client that resumed with an older id would be told of rows it never had.
    if (updates_end(&updates, &chunks) || (has_changed && spec->version == MONITOR_V3)) {
        view_send(old, monitor, &chunks);
    }
    chunks_done(&chunks);
    leave_view(monitor);
    monitor->view = view_get(hub, spec);
    monitor->view->n_monitors++;
    view_attach(monitor->view, monitor, db_tail(hub->db));
}
