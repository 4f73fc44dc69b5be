// SPDX-License-Identifier: Apache-2.0
// One element of a transaction's params, cut into its members: which operation it is, whether every
// required member is there, of the right kind, and no other. For this layer only.
#pragma once

#include "engine/db.h"

enum operation_type {
    OP_INSERT,
    OP_SELECT,
    OP_UPDATE,
    OP_MUTATE,
    OP_DELETE,
    OP_WAIT,
    OP_COMMIT,
    OP_ABORT,
    OP_COMMENT,
    OP_ASSERT,
};

enum member {
    MEMBER_OP,
    MEMBER_TABLE,
    MEMBER_WHERE,
    MEMBER_ROW,
    MEMBER_ROWS,
    MEMBER_COLUMNS,
    MEMBER_SORT,
    MEMBER_MUTATIONS,
    MEMBER_UUID_NAME,
    MEMBER_UUID,
    MEMBER_TIMEOUT,
    MEMBER_UNTIL,
    MEMBER_DURABLE,
    MEMBER_COMMENT,
    MEMBER_LOCK,
    N_MEMBERS,
};

struct operation {
    enum operation_type type;
    const struct table_schema *table; // of those that have one
    struct slice text;                // the whole operation
    struct slice members[N_MEMBERS];  // JSON text; data is NULL when absent
};

// Cuts `text`. Members come in any order; of repeated ones the last counts.
struct ovsdb_error *operation_parse(struct slice text, const struct schema *schema,
                                    struct buf *scratch, struct operation *ret);
const char *operation_name(enum operation_type type);

static inline bool operation_has(const struct operation *operation, enum member member)
{
    return operation->members[member].data != NULL;
}
// A "syntax error" about the operation as a whole, its text in canonical form; or with another tag.
struct ovsdb_error *operation_error(const char *tag, struct slice text, const char *details, ...)
    PRINTF_FORMAT(3, 4);
