// SPDX-License-Identifier: Apache-2.0
// Mutations (RFC 7047 5.1 <mutation>); for this layer only.
#pragma once

#include "engine/row.h"

enum mutator {
    MUTATOR_ADD,
    MUTATOR_SUB,
    MUTATOR_MUL,
    MUTATOR_DIV,
    MUTATOR_MOD,
    MUTATOR_INSERT,
    MUTATOR_DELETE,
};

struct mutation {
    enum mutator mutator;
    const struct column *column;
    struct type type; // of `value`; borrows from the type of the column
    union datum value;
};

struct mutations {
    struct mutation *list;
    size_t n;
};

// Decodes an array of mutations.
struct ovsdb_error *mutations_decode(struct slice text, const struct table_schema *table,
                                     struct symbol_table *symbols, struct buf *scratch,
                                     struct mutations *ret);
void mutations_done(struct mutations *mutations);
// Applies a mutation to the column's value `old`. *ret is the caller's. Errors: "domain error",
// "range error", "constraint violation".
struct ovsdb_error *mutation_apply(const struct mutation *mutation, union datum old,
                                   union datum *ret);
