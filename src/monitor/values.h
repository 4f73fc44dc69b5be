// SPDX-License-Identifier: Apache-2.0
// Conditions with many clauses of the form column == constant. Clients that monitor a few of many
// rows have thousands of such clauses, so a row's values are looked up in them by hash. Private to
// this folder.
#pragma once

#include "basic/htable.h"
#include "engine/condition.h"

struct value_set;

// True if the condition has clauses, and each has this form or is false.
bool condition_is_values(const struct condition *condition);

// Removes repeated clauses from a condition of this form; leaves other conditions unchanged.
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
// The clause equal to `clause` in a hash table of clauses by clause_hash(), or NULL.
struct condition_clause *clause_find(const struct htable *clauses,
                                     const struct condition_clause *clause);

// The clauses of `condition`, those of this form by hash. NULL if so few have this form that trying
// each of them is as fast. `condition` must outlive the set.
struct value_set *value_set_new(const struct condition *condition);
void value_set_free(struct value_set *set); // NULL allowed
// The result of condition_matches_any(). O(columns compared + clauses of other forms).
bool value_set_matches(const struct value_set *set, const struct row *row);
