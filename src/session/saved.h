// SPDX-License-Identifier: Apache-2.0
// What sessions are in the middle of, as JSON text, so that another process can go on with it: the
// same program that is started again, or its successor. Between the two nobody may have changed the
// databases' files; where somebody has, only what can be told exactly goes on.
//
//     server_settle()                    server_restore(), databases being served
//     server_save(), session_save() ...  session_new(), session_restore() ...
//                                        server_end_restore()
//
// The text need not be ours: what it says is checked.
#pragma once

#include "session/session.h"

// Brings to an end what cannot be saved: initial contents in the making, conversions (called off),
// updates that are owed, which are sent even to slow clients. O(what that is).
void server_settle(struct server *server, usec_t now);
// O(rows).
void server_save(const struct server *server, struct buf *buf);
// `are_unchanged`: the databases are as they were saved. Before there are sessions, and before
// anybody else has looked at the databases. False if the text is of another program: then sessions
// cannot go on.
bool server_restore(struct server *server, struct slice saved, bool are_unchanged);

// What it holds, and the bytes of requests that wait.
void session_save(const struct session *session, struct buf *buf);
// Into a new session with the same options. False if that is not possible exactly: the session,
// which holds a part then, must be closed after server_end_restore().
bool session_restore(struct session *session, struct slice saved);
// All sessions are there that come. Who inherits a lock from one that has not is told.
void server_end_restore(struct server *server);
