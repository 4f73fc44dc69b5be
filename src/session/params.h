// SPDX-License-Identifier: Apache-2.0
// Parses params and ids of requests. Private to this folder.
#pragma once

#include "session/internal.h"

// Finds the database whose name is the first of the params. The error is "syntax error", "unknown
// database", or "database not available" while a relay does not know the schema. The session uses
// the database from now on (session_add_use()).
struct ovsdb_error *params_database(struct session *session, const struct message *request,
                                    struct served_db **ret);
// True if a transaction with these params may change the database: an operation is
// not known to only read. O(params).
bool params_could_write(struct slice params, struct buf *scratch);
// True if owns() is true for the lock of each operation "assert" of a transaction. O(params).
bool params_assert_owned(struct slice params, bool (*owns)(void *userdata, struct slice lock),
                         void *userdata);
// The key for lookups of a JSON value that a client chose as an id. Equal values have equal keys,
// however they are written (emit_key()); but if the key would exceed the length of a text, it is
// the id as written. Messages to the client contain the id as written, not the key. The caller
// unrefs it.
struct text *id_key(struct slice id);
static inline uint64_t text_hash(const struct text *text)
{
    return hash_bytes(text->data, text->size, 0);
}

DEFINE_CLEANUP(struct text *, text_unrefp, text_unref)
#define _cleanup_text_ _cleanup_(text_unrefp)
