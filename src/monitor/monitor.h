// SPDX-License-Identifier: Apache-2.0
// Monitors of one database: who hears of which commit, and when.
//
// A hub observes a database. Identical monitors share a view: one difference and one serialisation
// for all of them. A monitor is in step with the database, or it owes its client what the commits
// since a certain one changed. hub_run() pays the debts of those whose clients take output; the
// others keep owing one exact net update, in memory bounded by the rows it concerns.
#pragma once

#include "basic/clock.h"
#include "monitor/chunks.h"
#include "monitor/spec.h"

#include "engine/db.h"

struct hub;
struct view;
struct batch;
struct initial;

// What a monitor has sent.
struct monitor_usage {
    uint64_t n_messages; // initial contents and updates
    uint64_t n_rows;
    uint64_t n_bytes;
    usec_t busy; // time for that, by the hub's clock; what several monitors get is divided
};

struct monitor {
    struct list node;
    struct view *view;
    struct batch *batch;     // NULL: not started
    struct initial *initial; // what it waits for to start, or NULL
    struct text *id;         // <json-value>, canonical
    bool is_behind;          // its client takes no output for now
    struct monitor_usage usage;
};

// Where initial contents and updates go. Nothing here may free or change a monitor.
struct monitor_sink {
    // The monitor has started: a <table-updates> object with what it shows of the database after
    // the transaction `txn_id`.
    void (*initial)(struct monitor *monitor, const struct chunks *contents, struct uuid txn_id);
    // False while the client reads too slowly; then monitor_resume() must follow when it has caught
    // up.
    bool (*may_send)(struct monitor *monitor);
    // A message is one or more pieces in order. `text` stays the caller's; send_shared() takes a
    // reference of its own.
    void (*send)(struct monitor *monitor, struct slice text);
    void (*send_shared)(struct monitor *monitor, struct text *text);
};

// Observes `db`. `sink` must outlive it.
struct hub *hub_new(struct db *db, const struct monitor_sink *sink);
// The time that monitors take is measured with `clock`, a monotonic one; NULL: it is not.
void hub_set_clock(struct hub *hub, usec_t (*clock)(void));
void hub_free(struct hub *hub); // the monitors must be gone
// Sends the updates that commits caused since, at most about `*budget` messages, which it counts
// down, and goes on for a while with initial contents: returns true if there is more to do.
// O(monitors that hear of the commits).
bool hub_run(struct hub *hub, usec_t now, size_t *budget);
// When hub_run() has something to do by itself; 0: now; USEC_INFINITY: never, or it is at work and
// returns true.
usec_t hub_deadline(const struct hub *hub);

// A monitor that is yet to be started: monitor_start() or monitor_since(). Takes `spec` and `id`.
void monitor_init(struct monitor *monitor, struct hub *hub, struct monitor_spec *spec,
                  struct text *id);
void monitor_done(struct monitor *monitor);
const struct monitor_spec *monitor_spec(const struct monitor *monitor);
// Starts with initial contents, which the sink gets: short ones at once, and then this returns
// true; else little by little from hub_run(). They show one state of the database, of now or later.
// Long ones are made once for all identical monitors that start at about the same time.
bool monitor_start(struct monitor *monitor, usec_t now);
// The sink gets the initial contents now if it has not yet. O(rows).
void monitor_finish_start(struct monitor *monitor, usec_t now);
// Starts with the changes since the transaction `txn_id`, if it is known still (protocol
// "monitor_cond_since"). On true the caller owns *ret and sends it.
bool monitor_since(struct monitor *monitor, struct uuid txn_id, struct chunks *ret);
// Goes on for a client that knows what the database was after the transaction `txn_id`, with an
// update if anything has changed since. False if that transaction is not known.
bool monitor_continue(struct monitor *monitor, struct uuid txn_id);
// Sends what the monitor owes now, even to a slow client. Nothing if it has not started.
void monitor_flush(struct monitor *monitor);
// Roughly the bytes kept for what it owes to a slow client, monitors that share them included.
size_t monitor_owed(const struct monitor *monitor);
// Its client takes output again.
void monitor_resume(struct monitor *monitor);
// Changes id and conditions of a monitor that has started: sends what it owes first, then an update
// with what the new conditions show or hide. `spec` comes from monitor_spec_change(); takes both.
// O(rows of the tables whose conditions differ), or O(clauses + rows shown) where both conditions
// list values of columns with an index, or UUIDs.
void monitor_change(struct monitor *monitor, struct monitor_spec *spec, struct text *id);
// The last transaction of the database.
struct uuid hub_last_txn_id(const struct hub *hub);
