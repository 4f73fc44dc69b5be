// SPDX-License-Identifier: Apache-2.0
// Sends replies and notifications. `id` is the id of the request, as the client wrote it. Private
// to this folder.
#pragma once

#include "session/internal.h"

// An empty buffer for a message; all sessions share it. Valid until the next call.
struct buf *session_out(struct session *session);
// Sends the contents of that buffer. `shown` is the database that they show: they wait for its
// commit log (I-6). NULL: they show nothing of any database. The functions without this argument
// are for such messages only.
void session_send_out(struct session *session, const struct served_db *shown);
void session_reply(struct session *session, struct slice id, struct slice result);
// Takes `error`.
void session_reply_error(struct session *session, struct slice id, struct ovsdb_error *error);
// Sends an error reply whose "error" is this string.
void session_reply_error_text(struct session *session, struct slice id, const char *error);
// Sends a reply whose result is the text `before`, `chunks`, `after`.
void session_reply_pieces(struct session *session, const struct served_db *shown, struct slice id,
                          const char *before, const struct chunks *chunks, const char *after);
void session_notify(struct session *session, const char *method, struct slice params);
