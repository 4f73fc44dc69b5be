// SPDX-License-Identifier: Apache-2.0
// Saves the state of sessions as JSON text, from which another process, the restarted program or
// its successor, restores them. If a database file has changed in between, only those sessions can
// be restored whose clients can be brought up to date exactly.
//
//     saving process                     restoring process
//
//     server_settle()                    (serve the databases)
//     server_save()                      server_restore()
//     session_save() for each session    session_new(), session_restore() for each session
//                                        server_end_restore()
//
// The text is checked when it is read (I-7).
#pragma once

#include "session/session.h"

// Ends what cannot be saved: finishes initial contents, cancels conversions, and sends all pending
// updates, even to slow clients. O(rows of these contents and updates).
void server_settle(struct server *server, usec_t now);
// O(rows).
void server_save(const struct server *server, struct buf *buf);
// `are_unchanged`: the database files are as they were when the state was saved. Call before there
// are sessions and before any monitor or transaction has used the databases. Returns false if the
// text does not have this format: then no session can be restored.
bool server_restore(struct server *server, struct slice saved, bool are_unchanged);

// Writes the session's monitors, locks, and waiting transactions with the text of their requests.
void session_save(const struct session *session, struct buf *buf);
// Restores the state into a new session with the same options. Returns false if that is not
// possible exactly. The session then has a part of the state, and the caller must close it after
// server_end_restore().
bool session_restore(struct session *session, struct slice saved);
// Call when all sessions have been restored. Sessions that own a lock now, because the sessions
// before them were not restored, get "locked".
void server_end_restore(struct server *server);
