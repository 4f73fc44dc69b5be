// SPDX-License-Identifier: Apache-2.0
// The client side of a connection to a source, which is a server whose databases are replicated.
// Handles the messages of the source and sends requests through a function of the caller. No I/O,
// no clock.
//
//     source_connected() --> get_server_id, set_db_change_aware,
//                            monitor of _Server (older servers: list_dbs, get_schema)
//         --> for each replica: its schema is known --> monitor_cond_since --> updates
//
// A member of a cluster that shows a lower index than another member has shown before has not yet
// applied what was replicated from the other: it is left out until its index is high enough.
//
// The monitor of _Server tells when the source gets, loses or converts a database. A database that
// cannot be replicated has no effect on the others; only a violation of the protocol ends the
// connection.
#pragma once

#include "basic/uuid.h"
#include "replication/replica.h"
#include "json/message.h"

struct source;

struct source_handler {
    void (*send)(void *userdata, struct slice text);
    // The source violates the protocol or is of no use: close the connection, not from within this
    // call. Called at most once in a connection; the source then ignores what it receives.
    void (*give_up)(void *userdata, const char *reason);
    // The server at the other end is this server itself. Call source_report_self() later, not from
    // within this call. The source does nothing more in this connection.
    void (*is_self)(void *userdata);
    // A replica has failed: call source_retry() after some time.
    void (*retry)(void *userdata);
    // Moves the memory of the message that is being received to *ret, an empty buffer, because it
    // is too large to be copied. Called within source_receive(). NULL: large messages are copied.
    void (*take)(void *userdata, struct buf *ret);
    // Call source_run() later and, while it returns true, again. May be NULL if no replica's
    // handler has load().
    void (*run)(void *userdata);
};

// `own_id` is our server id.
struct source *source_new(const struct source_handler *handler, void *userdata, struct uuid own_id);
void source_free(struct source *source); // not connected, without replicas (asserted); NULL allowed

// Sets whether there are other servers to connect to. With `on`, the source gives up the connection
// to a server that none of the replicas can use: that does not have the database, is not connected
// to what it comes from, or is behind. Initially off: the source waits.
void source_set_alternatives(struct source *source, bool on);
// Adds a replica, which belongs to no source. It starts at once if there is a connection. At most
// one replica of each name.
void source_add(struct source *source, struct replica *replica);
void source_remove(struct source *source, struct replica *replica);
bool source_has_replicas(const struct source *source);
bool source_has_replica_of(const struct source *source, const char *name);

// A connection exists from now on: sends the first requests.
void source_connected(struct source *source);
// True if the source has sent the list of its databases in this connection, and the connection has
// not failed (give_up(), is_self()).
bool source_is_usable(const struct source *source);
// The connection has ended: ends all requests.
void source_disconnected(struct source *source);
// Handles one message: one value that passed the framer (I-1). Large contents are only stored, if
// the replica's handler has load() and the "id" comes before the "result".
void source_receive(struct source *source, struct slice text);
// Does a bounded part of the replicas' work. Returns true if there is more.
bool source_run(struct source *source);
// Requests the contents of replicas again that have failed, or that wait.
void source_retry(struct source *source);
// Calls is_self() of every replica, each of which may be removed and freed by that.
void source_report_self(struct source *source);

// `reply` is a MESSAGE_REPLY or a MESSAGE_ERROR, borrowed; NULL: the connection has ended.
typedef void source_done(void *userdata, const struct message *reply);
// Sends a request. `done`, unless it is NULL, is called exactly once and later, unless
// source_cancel() is called first. Returns the number of the request; 0, and has no effect, without
// a connection.
uint64_t source_request(struct source *source, const char *method, struct slice params,
                        source_done *done, void *userdata);
// Asks the source to cancel a request "transact". The source still sends a reply to that request.
void source_cancel_there(struct source *source, uint64_t number);
// Forgets a request: its reply is ignored. No effect if it has been replied to.
void source_cancel(struct source *source, uint64_t number);
