// SPDX-License-Identifier: Apache-2.0
// Conditions with many clauses of the form column == constant: clients that watch their own rows
// among many have thousands of them, so rows are looked up in them by hash. Private to this folder.
#pragma once

#include "basic/htable.h"
#include "engine/condition.h"

struct value_set;

// True if every clause of the condition has this form or is false (and there is any clause at all).
bool condition_is_values(const struct condition *condition);

// Drops clauses that say the same again, from a condition of this form; others stay as they are.
// O(clauses).
void condition_drop_repeated(struct condition *condition);

static inline uint64_t clause_hash(const struct condition_clause *clause)
{
    const struct column *column = clause->column;

    return column ? datum_hash(clause->value, &column->type,
                               (uint64_t)column->index << 8 | clause->function)
                  : clause->function;
}
bool clause_equals(const struct condition_clause *a, const struct condition_clause *b);
// The one equal to `clause` in a table of clauses by clause_hash(), or NULL.
struct condition_clause *clause_find(const struct htable *clauses,
                                     const struct condition_clause *clause);

// NULL if so few clauses have this form that it needs no set. `condition` must outlive it.
struct value_set *value_set_new(const struct condition *condition);
void value_set_free(struct value_set *set); // NULL allowed
// As condition_matches_any(). O(columns compared + clauses of other forms).
bool value_set_matches(const struct value_set *set, const struct row *row);
