// SPDX-License-Identifier: Apache-2.0
// A view: what the identical monitors of a database share. Private to this folder.
//
// The monitors of a view are grouped in batches. The monitors of one batch have seen the same
// commits:
//
//     current --commit on a monitored table--> pending --flushed-----------> current
//                                                 |                             ^
//                                                 +--client is slow--> coalesced
//
// A pending batch holds a reference to the first change set that its monitors have not seen, and so
// to the rest of the chain (I-5). If clients are slow when the batch is flushed, it replaces that
// reference by a coalesced change, so that it keeps the chain only until the next run. At most one
// batch is current (view->current): its monitors have seen every commit that concerns the view.
#pragma once

#include "engine/history.h"
#include "monitor/coalesced.h"
#include "monitor/monitor.h"
#include "monitor/watch.h"

struct view;

struct batch {
    struct view *view;
    struct list node;            // view->batches
    struct changeset *first;     // a reference; NULL: no changes after those in `coalesced`
    struct coalesced *coalesced; // the changes before `first`; NULL: none
    struct list ready;           // monitors whose clients read
    struct list behind;          // monitors whose clients do not read
    struct chunks updates;       // the pending update; valid while updates_seq is touched_seq
    uint64_t updates_seq;        // view->touched_seq when `updates` was written; 0: not written
    bool updates_empty;
};

struct view {
    struct hub *hub;
    struct monitor_spec *spec;
    uint64_t hash; // of `spec`
    size_t n_monitors;
    struct list batches;
    struct batch *current;  // the batch whose monitors have seen everything, or NULL
    uint64_t touched_seq;   // seq of the last commit that concerns the view
    struct list dirty_node; // hub->dirty
    struct initial
        *joinable;          // initial contents in progress that further monitors may share, or NULL
    bool joinable_is_fixed; // these show a fixed moment: no longer joinable after the next commit
    struct chunks cached;   // finished initial contents that are still up to date
    usec_t cached_expires;
    struct list cached_node; // hub->cached
    struct watch *watch;
};

struct hub {
    struct db *db;
    const struct monitor_sink *sink;
    usec_t (*clock)(void); // or NULL
    struct db_observer observer;
    struct htable views; // by monitor_spec_hash()
    struct watch_set *watches;
    struct list dirty;     // views that have batches to flush
    struct list initials;  // initial contents in progress; the first is worked on
    struct row_scan *scan; // the last scan that several of them may share, or NULL
    struct list cached;    // views with cached initial contents, in order of expiry
    size_t cached_size;    // bytes of these
    struct buf updates;    // scratch of struct updates
    struct buf message;    // scratch: the message being sent
    struct history *history;
};

// The view for `spec`. Takes `spec`, and frees it if the hub has a view for an equal one.
struct view *view_get(struct hub *hub, struct monitor_spec *spec);
// Frees the view if it has no monitors.
void view_collect(struct view *view);
// Makes the view send an update for the commit `changes`. O(batches).
void view_touch(struct view *view, struct changeset *changes);
// Keeps view->cached until `expires` for further monitors. Drops the oldest cached contents of
// other views if all together exceed a limit.
void view_keep_cached(struct view *view, usec_t expires);
void view_drop_cached(struct view *view);
// Adds a monitor that has seen all commits up to `seen`. It gets updates for those that follow.
void view_attach(struct view *view, struct monitor *monitor, struct changeset *seen);
// Removes a monitor from its batch; its pending update is not sent.
void view_detach(struct monitor *monitor);
// Sends the pending updates of all ready monitors. Monitors whose clients turn out to be slow move
// to batch->behind.
void view_flush(struct view *view, size_t *budget);
// Sends one update message to `monitor`.
void view_send(struct view *view, struct monitor *monitor, const struct chunks *updates);
// Counts a message of `size` bytes that contains `updates`, in monitor->usage.
void view_count(struct monitor *monitor, const struct chunks *updates, size_t size);
usec_t hub_time(const struct hub *hub); // 0 without a clock
