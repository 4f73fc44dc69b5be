// SPDX-License-Identifier: Apache-2.0
// What a session answers and tells. `id` is the request's, as it stands there. Private to this
// folder.
#pragma once

#include "session/internal.h"

// An empty buffer to write a message in, until the next call; then session_send_out() it.
struct buf *session_out(struct session *session);
void session_send_out(struct session *session);
// The same for what shows nothing of any database: it waits for no disk, only for what was sent
// before (docs/ARCHITECTURE.md I-6).
void session_send_out_at_once(struct session *session);
void session_reply(struct session *session, struct slice id, struct slice result);
// Takes `error`.
void session_reply_error(struct session *session, struct slice id, struct ovsdb_error *error);
// An "error" that is a string.
void session_reply_error_text(struct session *session, struct slice id, const char *error);
// A reply whose result is `before`, the parts, `after`.
void session_reply_pieces(struct session *session, struct slice id, const char *before,
                          const struct chunks *chunks, const char *after);
void session_notify(struct session *session, const char *method, struct slice params);
