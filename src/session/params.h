// SPDX-License-Identifier: Apache-2.0
// What requests say: their params, cut into values. Private to this folder.
#pragma once

#include "session/internal.h"

// The database that params begin with. "syntax error" or "unknown database".
struct ovsdb_error *params_database(struct session *session, const struct message *request,
                                    struct served_db **ret);
// The text by which an id that the client chose is found: equal for equal values, however they are
// written (emit_key()), unless that text were too long: then it is the id as written. What is sent
// back to the client is the id as it was written. Caller unrefs it.
struct text *id_key(struct slice id);
static inline uint64_t text_hash(const struct text *text)
{
    return hash_bytes(text->data, text->size, 0);
}

DEFINE_CLEANUP(struct text *, text_unrefp, text_unref)
#define _cleanup_text_ _cleanup_(text_unrefp)
