// SPDX-License-Identifier: Apache-2.0
// Conditions (RFC 7047 5.1 <condition>, with booleans and the 2.4 extension for optional scalars),
// shared by transactions and conditional monitors.
#pragma once

#include "engine/row.h"

enum condition_function {
    COND_LT,
    COND_LE,
    COND_EQ,
    COND_NE,
    COND_GE,
    COND_GT,
    COND_INCLUDES,
    COND_EXCLUDES,
    COND_FALSE,
    COND_TRUE
};

struct condition_clause {
    enum condition_function function;
    const struct column *column; // NULL for COND_FALSE and COND_TRUE
    union datum value;
};

struct condition {
    struct condition_clause *clauses;
    size_t n_clauses;
};

// Splits [<column>, <name>, <value>], the form of clauses and of mutations, and finds the column.
// `form` describes the expected form in the error. *ret_name may point into `scratch`.
struct ovsdb_error *clause_cut(struct slice text, const struct table_schema *table,
                               const char *form, struct buf *scratch,
                               const struct column **ret_column, struct slice *ret_name,
                               struct slice *ret_value);
// Decodes the array at the cursor. `symbols` may be NULL: then named UUIDs are errors.
struct ovsdb_error *condition_decode(struct cursor *cursor, const struct table_schema *table,
                                     struct symbol_table *symbols, struct buf *scratch,
                                     struct condition *ret);
void condition_done(struct condition *condition);
// True if the clause holds for the row.
bool condition_clause_matches(const struct condition_clause *clause, const struct row *row);
// "where" of operations: every clause holds; no clauses: true.
bool condition_matches_all(const struct condition *condition, const struct row *row);
// "where" of conditional monitors: one clause holds; no clauses: true.
bool condition_matches_any(const struct condition *condition, const struct row *row);
