// SPDX-License-Identifier: Apache-2.0
// The monitors of one database.
//
// A hub observes a database. Identical monitors share a view, so that an update is computed and
// written once for all of them. hub_run() sends the updates that commits have made necessary. While
// a client does not read, its monitor gets no updates; it keeps one coalesced change instead, whose
// memory is bounded by the rows that have changed, and gets that as one update later.
#pragma once

#include "basic/clock.h"
#include "monitor/chunks.h"
#include "monitor/spec.h"

#include "engine/db.h"

struct hub;
struct view;
struct batch;
struct initial;

// What has been sent for a monitor.
struct monitor_usage {
    uint64_t n_messages; // initial contents and updates
    uint64_t n_rows;
    uint64_t n_bytes;
    usec_t busy; // time spent on them, by the hub's clock; shared work is divided equally
};

// States: not started (`batch` and `initial` NULL), waiting for initial contents (`initial`),
// started (`batch`).
struct monitor {
    struct list node; // batch->ready, batch->behind or initial->monitors
    struct view *view;
    struct batch *batch;
    struct initial *initial;
    struct text *id; // <json-value>, canonical
    bool is_behind;  // its client does not read: it is in batch->behind
    struct monitor_usage usage;
};

// Where initial contents and updates go. These functions must not free or change a monitor.
struct monitor_sink {
    // The monitor has started. `contents` is a <table-updates> object: the rows that the monitor
    // shows of the database after the transaction `txn_id`.
    void (*initial)(struct monitor *monitor, const struct chunks *contents, struct uuid txn_id);
    // False while the client reads too slowly. Then the owner of the monitor must call
    // monitor_resume() when the client has caught up.
    bool (*may_send)(struct monitor *monitor);
    // Send one piece of a message; a message is one or more pieces in order. send() copies `text`,
    // send_shared() takes a reference to it.
    void (*send)(struct monitor *monitor, struct slice text);
    void (*send_shared)(struct monitor *monitor, struct text *text);
};

// Observes `db`. `sink` must outlive the hub. When commits are withdrawn (engine/undo.h), no
// monitor may exist (asserted).
struct hub *hub_new(struct db *db, const struct monitor_sink *sink);
// Measures monitor_usage.busy with `clock`, which must be monotonic. NULL: `busy` stays 0.
void hub_set_clock(struct hub *hub, usec_t (*clock)(void));
void hub_free(struct hub *hub); // every monitor must have ended; NULL allowed
// Sends pending updates, at most about `*budget` messages, and makes a bounded part of the initial
// contents that monitors wait for. Decrements `*budget` for each message. Returns true if there is
// more to do. O(monitors that get an update).
bool hub_run(struct hub *hub, usec_t now, size_t *budget);
// When to call hub_run() even if nothing else happens. 0: now. USEC_INFINITY: no need, or hub_run()
// has just returned true.
usec_t hub_deadline(const struct hub *hub);
// Asserts that views, batches and monitors are consistent with each other and with the chain of
// change sets. For tests and debugging. O(views x (batches + monitors) + length of the chain).
void hub_check_structures(const struct hub *hub);

// Makes a monitor that is not started: call monitor_start(), monitor_since() or monitor_continue()
// next. Takes `spec` and `id`.
void monitor_init(struct monitor *monitor, struct hub *hub, struct monitor_spec *spec,
                  struct text *id);
void monitor_done(struct monitor *monitor);
const struct monitor_spec *monitor_spec(const struct monitor *monitor);
// Starts the monitor with initial contents. Short contents are passed to the sink at once, and
// monitor_start() returns true. Otherwise hub_run() makes them in steps; they then show one state
// of the database between now and the time they are sent. Identical monitors that start at about
// the same time share the contents.
bool monitor_start(struct monitor *monitor, usec_t now);
// Finishes the initial contents now, if the monitor waits for them. O(rows).
void monitor_finish_start(struct monitor *monitor, usec_t now);
// Starts the monitor without initial contents and sets *ret to the changes since the transaction
// `txn_id` (method "monitor_cond_since"). The caller sends *ret and frees it. Returns false, and
// does nothing, if the history does not have that transaction.
bool monitor_since(struct monitor *monitor, struct uuid txn_id, struct chunks *ret);
// The same for a client that another process has served up to the transaction `txn_id`: the changes
// since are sent as an update, if there are any.
bool monitor_continue(struct monitor *monitor, struct uuid txn_id);
// Sends the pending update now, even if the client reads too slowly. No effect on a monitor that
// has not started.
void monitor_flush(struct monitor *monitor);
// About how many bytes are kept to send an update to a slow client later. Identical monitors share
// these bytes, and each reports all of them.
size_t monitor_owed(const struct monitor *monitor);
// The client reads again.
void monitor_resume(struct monitor *monitor);
// Changes id and conditions of a monitor that has started. Sends the pending update first, then one
// with the rows that the new conditions show or hide. Takes `spec`, made by monitor_spec_change(),
// and `id`. O(rows of the tables whose conditions differ); O(clauses + rows shown) if both
// conditions list values of indexed columns, or UUIDs.
void monitor_change(struct monitor *monitor, struct monitor_spec *spec, struct text *id);
// The id of the database's last transaction.
struct uuid hub_last_txn_id(const struct hub *hub);
