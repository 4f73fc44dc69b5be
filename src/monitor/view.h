// SPDX-License-Identifier: Apache-2.0
// A view: what identical monitors of a database share. Private to this folder.
//
// The monitors of a view are grouped in batches by what they have seen:
//
//     in step --commit on a monitored table--> pending --flushed--> in step
//                                                 |                    ^
//                                                 +--slow client--> coalesced
//
// A pending batch holds the first change set its monitors have not seen, and by it the chain up to
// the newest. Once it has waited for a slow client it holds a coalesced change instead, so that nobody keeps
// the chain longer than until the next run. At most one batch is in step (view->current).
#pragma once

#include "engine/history.h"
#include "monitor/coalesced.h"
#include "monitor/monitor.h"
#include "monitor/watch.h"

struct view;

struct batch {
    struct view *view;
    struct list node;            // view->batches
    struct changeset *first;     // a reference; NULL: nothing beyond `coalesced`
    struct coalesced *coalesced; // what came before `first`; NULL: nothing
    struct list ready;           // monitors whose clients take output
    struct list behind;          // the others
    struct chunks updates;       // of this batch, as of `updates_seq`
    uint64_t updates_seq;        // 0: none made
    bool updates_empty;
};

struct view {
    struct hub *hub;
    struct monitor_spec *spec;
    uint64_t hash;
    size_t n_monitors;
    struct list batches;
    struct batch *current; // the batch in step, or NULL
    uint64_t touched_seq;  // the last commit that concerned it
    struct list dirty_node;
    struct initial *asked; // initial contents being made that a monitor may join, or NULL
    struct chunks initial; // initial contents, if they are kept
    usec_t initial_expires;
    struct list initial_node;
    struct watch *watch;
};

struct hub {
    struct db *db;
    const struct monitor_sink *sink;
    usec_t (*clock)(void); // or NULL
    struct db_observer observer;
    struct htable views; // by hash of the spec
    struct watch_set *watches;
    struct list dirty;     // views with batches to flush
    struct list asked;     // initial contents being made, one after another
    struct row_scan *scan; // the last one made for them, or NULL
    struct list initials;  // views that keep initial contents
    size_t initials_size;  // bytes they keep
    struct buf updates;    // scratch of struct updates
    struct buf message;    // scratch
    struct history *history;
};

// The view for `spec`, which it takes (and frees if there is such a view already).
struct view *view_get(struct hub *hub, struct monitor_spec *spec);
// Frees the view if it has no monitors.
void view_collect(struct view *view);
// A commit changed rows it may show. O(batches).
void view_touch(struct view *view, struct changeset *changes);
// Keeps view->initial for the next client that asks. Others' may go, the oldest first, for all that
// is kept together is limited.
void view_keep_initial(struct view *view, usec_t expires);
void view_drop_initial(struct view *view);
// Adds a monitor that knows the state after `seen`: from then on it is owed what follows.
void view_attach(struct view *view, struct monitor *monitor, struct changeset *seen);
// Its batch loses the monitor, which owes nothing more.
void view_detach(struct monitor *monitor);
// Sends all that the ready monitors owe; those that turn out slow are put behind.
void view_flush(struct view *view, size_t *budget);
// Counts a message of `size` bytes that shows `updates`.
void view_count(struct monitor *monitor, const struct chunks *updates, size_t size);
usec_t hub_time(const struct hub *hub); // 0 without a clock
// Writes one update message for `monitor`.
void view_send(struct view *view, struct monitor *monitor, const struct chunks *updates);
