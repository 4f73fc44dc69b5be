// SPDX-License-Identifier: Apache-2.0
// What requests say: their params, cut into values. Private to this folder.
#pragma once

#include "session/internal.h"

// The database that params begin with. "syntax error" or "unknown database".
struct ovsdb_error *params_database(struct session *session, const struct message *request,
                                    struct served_db **ret);
// A value's canonical text, or its text as it is if the canonical one were too long for a text.
// Caller unrefs it.
struct text *canonical_text(struct slice value);
static inline uint64_t text_hash(const struct text *text)
{
    return hash_bytes(text->data, text->size, 0);
}

DEFINE_CLEANUP(struct text *, text_unrefp, text_unref)
#define _cleanup_text_ _cleanup_(text_unrefp)
