// SPDX-License-Identifier: Apache-2.0
// Views, batches, and the sending of updates. See view.h for the states of a batch.
#include "monitor/view.h"

#include "json/message.h"

#include <assert.h>

#define SMALL_UPDATE 2048 // bytes; up to here copying is cheaper than sending by reference
#define CACHED_MAX   ((size_t)32 << 20) // bytes of all cached initial contents but the newest

static struct batch *batch_new(struct view *view)
{
    struct batch *batch = NEW(struct batch);

    batch->view = view;
    list_push_back(&view->batches, &batch->node);
    list_init(&batch->ready);
    list_init(&batch->behind);
    return batch;
}

static bool batch_is_pending(const struct batch *batch)
{
    return batch->first || batch->coalesced;
}

static bool batch_is_empty(const struct batch *batch)
{
    return list_is_empty(&batch->ready) && list_is_empty(&batch->behind);
}

static void batch_drop_updates(struct batch *batch)
{
    chunks_done(&batch->updates);
    batch->updates_seq = 0;
}

// The monitors of the batch have seen everything: drops the pending changes.
static void batch_clear_pending(struct batch *batch)
{
    changeset_unref(TAKE_PTR(batch->first));
    coalesced_free(TAKE_PTR(batch->coalesced));
    batch_drop_updates(batch);
}

static void batch_free(struct batch *batch)
{
    assert(batch_is_empty(batch));
    if (batch->view->current == batch) {
        batch->view->current = NULL;
    }
    batch_clear_pending(batch);
    list_remove(&batch->node);
    free(batch);
}

// Adds the pending change sets to the coalesced change and releases the chain.
static void batch_coalesce(struct batch *batch)
{
    if (batch->first) {
        if (!batch->coalesced) {
            batch->coalesced = coalesced_new(batch->view->spec);
        }
        coalesced_add(batch->coalesced, batch->first);
        changeset_unref(TAKE_PTR(batch->first));
    }
}

static void write_changeset(const struct changeset *changes, struct updates *updates)
{
    for (size_t i = 0; i < updates->spec->n_tables; i++) {
        const struct monitor_table *table = &updates->spec->tables[i];
        const struct table_changes *rows = changeset_find_table(changes, table->table);

        for (size_t j = 0; rows && j < rows->n_rows; j++) {
            updates_change(updates, table, rows->rows[j].old, rows->rows[j].new);
        }
    }
}

// Writes batch->updates unless it is up to date. Returns false if the update is empty.
static bool batch_render(struct batch *batch)
{
    struct view *view = batch->view;
    struct updates updates;

    assert(batch_is_pending(batch));
    if (batch->updates_seq == view->touched_seq) {
        return !batch->updates_empty;
    }
    batch_drop_updates(batch);
    updates_begin(&updates, view->spec, &view->hub->updates);
    if (!batch->coalesced && !batch->first->next) {
        assert(batch->first->seq == view->touched_seq);
        write_changeset(batch->first, &updates);
    } else {
        batch_coalesce(batch);
        coalesced_write(batch->coalesced, view->hub->db, &updates);
    }
    batch->updates_empty = !updates_end(&updates, &batch->updates);
    batch->updates_seq = view->touched_seq;
    return !batch->updates_empty;
}

// {"id":null,"method":"update","params":[ID,
static void put_prefix(struct buf *buf, const struct view *view, const struct monitor *monitor)
{
    static const char *const methods[] = {
        [MONITOR_V1] = "update", [MONITOR_V2] = "update2", [MONITOR_V3] = "update3"};

    message_begin_notification(buf, methods[view->spec->version]);
    buf_putc(buf, '[');
    buf_put_slice(buf, text_slice(monitor->id));
    buf_putc(buf, ',');
    if (view->spec->version == MONITOR_V3) {
        char text[UUID_TEXT_SIZE];

        buf_printf(buf, "\"%s\",", uuid_text(hub_last_txn_id(view->hub), text));
    }
}

// Writes a message for `monitor` into hub->message. Returns true if that is the whole message; a
// long one is written only up to the updates.
static bool put_message(struct view *view, const struct monitor *monitor,
                        const struct chunks *updates)
{
    struct buf *buf = &view->hub->message;

    buf_clear(buf);
    put_prefix(buf, view, monitor);
    if (updates->size > SMALL_UPDATE) {
        return false;
    }
    chunks_put(buf, updates);
    buf_puts(buf, "]}");
    return true;
}

void view_count(struct monitor *monitor, const struct chunks *updates, size_t size)
{
    monitor->usage.n_messages++;
    monitor->usage.n_rows += updates->n_rows;
    monitor->usage.n_bytes += size;
}

static void send_message(struct view *view, struct monitor *monitor, const struct chunks *updates,
                         bool is_whole)
{
    const struct monitor_sink *sink = view->hub->sink;

    view_count(monitor, updates,
               view->hub->message.size + (is_whole ? 0 : updates->size + strlen("]}")));
    sink->send(monitor, buf_slice(&view->hub->message));
    if (!is_whole) {
        for (size_t i = 0; i < updates->n; i++) {
            sink->send_shared(monitor, updates->texts[i]);
        }
        sink->send(monitor, SLICE("]}"));
    }
}

void view_send(struct view *view, struct monitor *monitor, const struct chunks *updates)
{
    bool is_whole = put_message(view, monitor, updates);

    send_message(view, monitor, updates, is_whole);
}

// Sends the batch's updates to its ready monitors. Those with slow clients move to batch->behind.
// The time since `start`, when rendering began, is divided among the view's monitors.
static void send_to_ready(struct batch *batch, usec_t start, size_t *budget)
{
    struct view *view = batch->view;
    usec_t last = hub_time(view->hub);
    usec_t share = (last - start) / view->n_monitors;
    const struct text *id = NULL; // the monitor id that hub->message was written for
    struct monitor *monitor, *next;
    bool is_whole = false;
    usec_t now;

    assert(view->n_monitors);
    LIST_FOREACH_SAFE (monitor, next, &batch->ready, node) {
        if (!view->hub->sink->may_send(monitor)) {
            monitor->is_behind = true;
            list_remove(&monitor->node);
            list_push_back(&batch->behind, &monitor->node);
            continue;
        }
        *budget -= *budget > 0;
        if (!id || !slice_equals(text_slice(id), text_slice(monitor->id))) {
            is_whole = put_message(view, monitor, &batch->updates);
            id = monitor->id;
        }
        send_message(view, monitor, &batch->updates, is_whole);
        now = hub_time(view->hub);
        monitor->usage.busy += share + now - last;
        last = now;
    }
}

// Moves a monitor that has seen everything to the current batch.
static void view_make_current(struct view *view, struct monitor *monitor)
{
    assert(monitor->view == view);
    if (!view->current) {
        view->current = batch_new(view);
    }
    list_remove(&monitor->node);
    list_push_back(&view->current->ready, &monitor->node);
    monitor->batch = view->current;
    monitor->is_behind = false;
}

// Call when the ready monitors have got the pending update.
static void batch_finish(struct batch *batch)
{
    struct view *view = batch->view;
    struct monitor *monitor, *next;

    if (list_is_empty(&batch->behind) && !view->current) {
        batch_clear_pending(batch);
        view->current = batch;
        return;
    }
    LIST_FOREACH_SAFE (monitor, next, &batch->ready, node) {
        view_make_current(view, monitor);
    }
    if (batch_is_empty(batch)) {
        batch_free(batch);
        return;
    }
    batch_coalesce(batch);
    batch_drop_updates(batch);
}

static void batch_flush(struct batch *batch, size_t *budget)
{
    usec_t start = hub_time(batch->view->hub);

    if (!list_is_empty(&batch->ready) && batch_render(batch)) {
        send_to_ready(batch, start, budget);
    }
    batch_finish(batch);
}

void view_flush(struct view *view, size_t *budget)
{
    struct batch *batch, *next;

    LIST_FOREACH_SAFE (batch, next, &view->batches, node) {
        if (batch_is_pending(batch)) {
            batch_flush(batch, budget);
        }
    }
}

static void view_set_dirty(struct view *view)
{
    list_remove(&view->dirty_node);
    list_push_back(&view->hub->dirty, &view->dirty_node);
}

void view_touch(struct view *view, struct changeset *changes)
{
    struct batch *batch;

    if (view->touched_seq == changes->seq) {
        return;
    }
    assert(changes->seq > view->touched_seq); // I-5
    view->touched_seq = changes->seq;
    if (view->joinable_is_fixed) {
        view->joinable = NULL;
    }
    view_drop_cached(view);
    LIST_FOREACH (batch, &view->batches, node) {
        if (!batch->first) {
            batch->first = changeset_ref(changes);
        }
    }
    view->current = NULL;
    view_set_dirty(view);
}

// Appending keeps the list in order of expiry, as `expires` never decreases.
void view_keep_cached(struct view *view, usec_t expires)
{
    struct hub *hub = view->hub;
    struct view *oldest;

    assert(view->cached.n);
    if (list_is_empty(&view->cached_node)) {
        hub->cached_size += view->cached.size;
    }
    view->cached_expires = expires;
    list_remove(&view->cached_node);
    list_push_back(&hub->cached, &view->cached_node);
    while (hub->cached_size > CACHED_MAX &&
           (oldest = LIST_FIRST(&hub->cached, struct view, cached_node)) != view) {
        view_drop_cached(oldest);
    }
}

void view_drop_cached(struct view *view)
{
    if (!list_is_empty(&view->cached_node)) {
        assert(view->hub->cached_size >= view->cached.size);
        view->hub->cached_size -= view->cached.size;
    }
    chunks_done(&view->cached);
    list_remove(&view->cached_node);
}

static struct view *view_new(struct hub *hub, struct monitor_spec *spec, uint64_t hash)
{
    struct view *view = NEW(struct view);

    view->hub = hub;
    view->spec = spec;
    view->hash = hash;
    view->touched_seq = db_tail(hub->db)->seq;
    list_init(&view->batches);
    list_init(&view->dirty_node);
    list_init(&view->cached_node);
    view->watch = watch_new(hub->watches, view, spec);
    htable_insert(&hub->views, hash, view);
    return view;
}

struct view *view_get(struct hub *hub, struct monitor_spec *spec)
{
    uint64_t hash = monitor_spec_hash(spec);
    struct view *view;

    HTABLE_FOREACH_WITH_HASH(view, &hub->views, hash)
    {
        if (monitor_spec_equals(view->spec, spec)) {
            monitor_spec_free(spec);
            return view;
        }
    }
    return view_new(hub, spec, hash);
}

void view_collect(struct view *view)
{
    if (view->n_monitors) {
        return;
    }
    assert(list_is_empty(&view->batches) && !view->current && !view->joinable);
    htable_remove(&view->hub->views, view->hash, view);
    watch_free(view->watch);
    list_remove(&view->dirty_node);
    view_drop_cached(view);
    monitor_spec_free(view->spec);
    free(view);
}

// The batch whose pending changes begin with `first`; made if there is none.
static struct batch *get_batch_at(struct view *view, struct changeset *first)
{
    struct batch *batch;

    LIST_FOREACH (batch, &view->batches, node) {
        if (!batch->coalesced && batch->first == first) {
            return batch;
        }
    }
    batch = batch_new(view);
    batch->first = changeset_ref(first);
    return batch;
}

void view_attach(struct view *view, struct monitor *monitor, struct changeset *seen)
{
    assert(monitor->view == view && !monitor->batch && !monitor->initial);
    if (view->touched_seq <= seen->seq) {
        view_make_current(view, monitor);
        return;
    }
    assert(seen->next); // a commit after `seen` has touched the view (I-5)
    monitor->batch = get_batch_at(view, seen->next);
    list_push_back(&monitor->batch->ready, &monitor->node);
    view_set_dirty(view);
}

void view_detach(struct monitor *monitor)
{
    struct batch *batch = TAKE_PTR(monitor->batch);

    list_remove(&monitor->node);
    if (batch_is_empty(batch)) {
        batch_free(batch);
    }
}

void monitor_flush(struct monitor *monitor)
{
    struct batch *batch = monitor->batch;
    struct view *view = monitor->view;

    if (!batch || !batch_is_pending(batch)) {
        return;
    }
    if (batch_render(batch)) {
        view_send(view, monitor, &batch->updates);
    }
    view_make_current(view, monitor);
    if (batch_is_empty(batch)) {
        batch_free(batch);
    }
}

size_t monitor_owed(const struct monitor *monitor)
{
    return monitor->batch && monitor->batch->coalesced ? coalesced_memory(monitor->batch->coalesced)
                                                       : 0;
}

void monitor_resume(struct monitor *monitor)
{
    struct batch *batch = monitor->batch;

    if (monitor->is_behind) {
        assert(batch_is_pending(batch));
        monitor->is_behind = false;
        list_remove(&monitor->node);
        list_push_back(&batch->ready, &monitor->node);
        view_set_dirty(batch->view);
    }
}
