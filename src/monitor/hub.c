// SPDX-License-Identifier: Apache-2.0
// The hub of a database's monitors. A commit marks the views that it concerns (watch.h) as dirty;
// hub_run() sends the updates of dirty views. A commit costs nothing for the other views.
#include "monitor/condition_change.h"
#include "monitor/initial.h"
#include "monitor/view.h"

#include <assert.h>

static void on_committed(struct db_observer *observer, struct db *db, struct changeset *changes)
{
    struct hub *hub = CONTAINER_OF(observer, struct hub, observer);

    watch_set_commit(hub->watches, changes, view_touch);
}

// Monitors cannot take back what they have sent.
static void on_withdrawn(struct db_observer *observer, struct db *db, struct changeset *last)
{
    const struct hub *hub = CONTAINER_OF(observer, struct hub, observer);

    assert(!hub->views.n && list_is_empty(&hub->initials));
}

struct hub *hub_new(struct db *db, const struct monitor_sink *sink)
{
    struct hub *hub = NEW(struct hub);

    hub->db = db;
    hub->sink = sink;
    hub->watches = watch_set_new(db_schema(db));
    list_init(&hub->dirty);
    list_init(&hub->initials);
    list_init(&hub->cached);
    hub->history = history_new(db, HISTORY_MAX_CHANGES);
    hub->observer.committed = on_committed;
    hub->observer.withdrawn = on_withdrawn;
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
    assert(!hub->views.n);
    assert(list_is_empty(&hub->dirty) && list_is_empty(&hub->initials));
    assert(list_is_empty(&hub->cached) && !hub->cached_size && !hub->scan);
    db_remove_observer(&hub->observer);
    history_free(hub->history);
    htable_done(&hub->views);
    buf_done(&hub->updates);
    buf_done(&hub->message);
    watch_set_free(hub->watches);
    free(hub);
}

static void hub_expire_cached(struct hub *hub, usec_t now)
{
    while (!list_is_empty(&hub->cached)) {
        struct view *view = LIST_FIRST(&hub->cached, struct view, cached_node);

        if (view->cached_expires > now) {
            break;
        }
        view_drop_cached(view);
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
    hub_expire_cached(hub, now);
    return !list_is_empty(&hub->dirty) || !list_is_empty(&hub->initials);
}

usec_t hub_deadline(const struct hub *hub)
{
    if (!list_is_empty(&hub->dirty)) {
        return 0;
    }
    if (list_is_empty(&hub->cached)) {
        return USEC_INFINITY;
    }
    return LIST_FIRST(&hub->cached, struct view, cached_node)->cached_expires;
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

// Removes the monitor from its view, and frees the view if it was the last one.
static void monitor_leave_view(struct monitor *monitor)
{
    struct view *view = TAKE_PTR(monitor->view);

    assert(!monitor->initial || !monitor->batch);
    assert(view->n_monitors);
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
    monitor_leave_view(monitor);
    text_unref(monitor->id);
}

const struct monitor_spec *monitor_spec(const struct monitor *monitor)
{
    return monitor->view->spec;
}

// The change set of the transaction `txn_id`, if the view can be brought up to date from there;
// else NULL. An id can be in the chain twice: the last transaction that was loaded, and the state
// from which a former process handed its clients over.
static struct changeset *find_seen(const struct view *view, struct uuid txn_id)
{
    struct changeset *tail = db_tail(view->hub->db);
    struct changeset *seen =
        uuid_equals(tail->txn_id, txn_id) ? tail : history_find(view->hub->history, txn_id);

    // Change sets from before the start (seq 0) have stored columns only.
    return seen && (seen->seq || monitor_spec_is_persistent(view->spec)) ? seen : NULL;
}

// Starts `monitor` without initial contents; *ret gets the changes after `seen`. Returns false if
// none of them concerns it.
static bool monitor_start_after(struct monitor *monitor, const struct changeset *seen,
                                struct chunks *ret)
{
    struct view *view = monitor->view;
    struct coalesced *coalesced = coalesced_new(view->spec);
    struct updates updates;
    bool any;

    assert(!monitor->batch && !monitor->initial);
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
        uuid_is_zero(txn_id) ? NULL : find_seen(monitor->view, txn_id); // zero: seen nothing

    if (seen) {
        monitor_start_after(monitor, seen, ret);
        view_count(monitor, ret, ret->size);
    }
    return seen;
}

bool monitor_continue(struct monitor *monitor, struct uuid txn_id)
{
    const struct changeset *seen = find_seen(monitor->view, txn_id);
    struct chunks missed = {0};

    if (seen && monitor_start_after(monitor, seen, &missed)) {
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

    assert(monitor->batch && !monitor->initial);
    assert(spec->n_tables == old->spec->n_tables && spec->version == old->spec->version);
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
    // An update3 is sent even if no row is shown or hidden, because it names the last transaction:
    // a client that resumed from an older one would get changes of rows that it never had.
    if (updates_end(&updates, &chunks) || (has_changed && spec->version == MONITOR_V3)) {
        view_send(old, monitor, &chunks);
    }
    chunks_done(&chunks);
    monitor_leave_view(monitor);
    monitor->view = view_get(hub, spec);
    monitor->view->n_monitors++;
    view_attach(monitor->view, monitor, db_tail(hub->db));
}
