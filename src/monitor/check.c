// SPDX-License-Identifier: Apache-2.0
// hub_check_structures(): the invariants that hold between hub, views, batches and monitors
// whenever no function of this folder is running.
#include "monitor/view.h"

#include <assert.h>

static size_t list_length(const struct list *head)
{
    size_t n = 0;

    for (const struct list *node = head->next; node != head; node = node->next) {
        assert(node->next->prev == node && node->prev->next == node);
        n++;
    }
    return n;
}

// The chain ends with the database's last change set, and `seq` never decreases (I-5). Two change
// sets have the same `seq` if history_settle() has replaced a large one.
static void check_chain(const struct hub *hub, const struct changeset *first)
{
    const struct changeset *last = first;

    for (const struct changeset *next = first->next; next; last = next, next = next->next) {
        assert(next->seq == last->seq || next->seq == last->seq + 1);
    }
    assert(last == db_tail(hub->db));
}

static void check_batch_monitors(const struct batch *batch, const struct list *monitors,
                                 bool are_behind)
{
    const struct monitor *monitor;

    LIST_FOREACH (monitor, monitors, node) {
        assert(monitor->batch == batch && monitor->view == batch->view);
        assert(!monitor->initial);
        assert(monitor->is_behind == are_behind);
    }
}

static void check_batch(const struct batch *batch)
{
    const struct view *view = batch->view;
    bool is_pending = batch->first || batch->coalesced;

    assert(!list_is_empty(&batch->ready) || !list_is_empty(&batch->behind));
    check_batch_monitors(batch, &batch->ready, false);
    check_batch_monitors(batch, &batch->behind, true);
    if (is_pending) {
        assert(view->current != batch);
    } else {
        assert(view->current == batch);
        assert(list_is_empty(&batch->behind));
        assert(!batch->updates_seq && !batch->updates.n);
    }
    if (batch->first) {
        assert(batch->first->seq <= view->touched_seq);
        check_chain(view->hub, batch->first);
    }
    // A pending batch whose clients read is flushed by the next hub_run().
    assert(!is_pending || list_is_empty(&batch->ready) || !list_is_empty(&view->dirty_node));
}

static void check_view(const struct hub *hub, const struct view *view)
{
    const struct batch *batch;
    size_t n_monitors = 0;
    bool has_current = false;

    assert(view->hub == hub);
    assert(view->hash == monitor_spec_hash(view->spec));
    assert(view->touched_seq <= db_tail(hub->db)->seq);
    LIST_FOREACH (batch, &view->batches, node) {
        assert(batch->view == view);
        check_batch(batch);
        n_monitors += list_length(&batch->ready) + list_length(&batch->behind);
        has_current |= batch == view->current;
    }
    assert(has_current == (view->current != NULL));
    assert(n_monitors <= view->n_monitors); // the others have not started
    assert(view->n_monitors);
    assert((view->cached.n > 0) == !list_is_empty(&view->cached_node));
}

void hub_check_structures(const struct hub *hub)
{
    const struct view *view;
    usec_t last_expires = 0;
    size_t cached_size = 0, n_dirty = 0;

    HTABLE_FOREACH(view, &hub->views)
    {
        check_view(hub, view);
        cached_size += view->cached.size;
        n_dirty += !list_is_empty(&view->dirty_node);
    }
    assert(n_dirty == list_length(&hub->dirty));
    assert(cached_size == hub->cached_size);
    LIST_FOREACH (view, &hub->cached, cached_node) {
        assert(last_expires <= view->cached_expires);
        last_expires = view->cached_expires;
    }
    assert(!hub->scan || !list_is_empty(&hub->initials));
}
