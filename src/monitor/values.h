// SPDX-License-Identifier: Apache-2.0
// Conditions that are lists of values, every clause column == constant (or false): clients that
// watch their own rows among many have thousands of them, so rows are looked up in them by hash.
// Private to this folder.
#pragma once

#include "engine/condition.h"

struct value_set;

// True if the condition has this form (and any clause at all).
bool condition_is_values(const struct condition *condition);

// Drops clauses that say the same again, from a condition of this form; others stay as they are.
// O(clauses).
void condition_drop_repeated(struct condition *condition);

static inline uint64_t value_hash(const struct column *column, union datum value)
{
    return datum_hash(value, &column->type, column->index);
}

// NULL if the condition does not have this form or is so short that it needs no set. `condition`
// must outlive it.
struct value_set *value_set_new(const struct condition *condition);
void value_set_free(struct value_set *set); // NULL allowed
// As condition_matches_any(). O(columns compared).
bool value_set_matches(const struct value_set *set, const struct row *row);
