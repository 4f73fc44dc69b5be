// SPDX-License-Identifier: Apache-2.0
// Parses one operation of a transaction (RFC 7047 5.2) into its members. Checks that the required
// members are present, that each has the right JSON type, and that there are no others. For this
// layer only.
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
    const struct table_schema *table; // NULL if the operation has no member "table"
    struct slice text;                // the whole operation
    struct slice members[N_MEMBERS];  // JSON text; data is NULL when absent
};

// Members may be in any order. If a member is repeated, the last one counts. The slices of *ret
// point into `text`.
struct ovsdb_error *operation_parse(struct slice text, const struct schema *schema,
                                    struct buf *scratch, struct operation *ret);
// The value of "op" for this type.
const char *operation_name(enum operation_type type);

static inline bool operation_has(const struct operation *operation, enum member member)
{
    return operation->members[member].data != NULL;
}
// An error with this tag about the operation `text`, which it quotes in canonical form.
struct ovsdb_error *operation_error(const char *tag, struct slice text, const char *details, ...)
    PRINTF_FORMAT(3, 4);
