// SPDX-License-Identifier: Apache-2.0
#include "monitor/values.h"

#include <assert.h>

#define SHORT_CONDITION 4 // clauses; trying so few is as fast as a lookup by hash

struct value_set {
    struct htable clauses;                  // column == constant, by clause_hash()
    const struct condition_clause **others; // clauses of other forms
    size_t n_others;
    size_t n_columns;
    const struct column *columns[]; // the columns that `clauses` compare
};

static bool is_value(const struct condition_clause *clause)
{
    return clause->function == COND_EQ || clause->function == COND_FALSE;
}

static size_t count_values(const struct condition *condition)
{
    size_t n = 0;

    for (size_t i = 0; i < condition->n_clauses; i++) {
        n += is_value(&condition->clauses[i]);
    }
    return n;
}

bool condition_is_values(const struct condition *condition)
{
    return condition->n_clauses && count_values(condition) == condition->n_clauses;
}

bool clause_equals(const struct condition_clause *a, const struct condition_clause *b)
{
    return a->function == b->function && a->column == b->column &&
           (!a->column || datum_equals(a->value, b->value, &a->column->type));
}

struct condition_clause *clause_find(const struct htable *clauses,
                                     const struct condition_clause *clause)
{
    struct condition_clause *found;

    HTABLE_FOREACH_WITH_HASH(found, clauses, clause_hash(clause))
    {
        if (clause_equals(found, clause)) {
            return found;
        }
    }
    return NULL;
}

void condition_drop_repeated(struct condition *condition)
{
    struct htable clauses = {0};
    size_t n = 0;

    if (!condition_is_values(condition)) {
        return;
    }
    for (size_t i = 0; i < condition->n_clauses; i++) {
        struct condition_clause *clause = &condition->clauses[i];

        if (clause->column && clause_find(&clauses, clause)) {
            datum_done(clause->value, &clause->column->type);
            continue;
        }
        condition->clauses[n] = *clause;
        clause = &condition->clauses[n++];
        if (clause->column) {
            htable_insert(&clauses, clause_hash(clause), clause);
        }
    }
    condition->n_clauses = n;
    htable_done(&clauses);
}

static void add_column(struct value_set *set, const struct column *column)
{
    for (size_t i = 0; i < set->n_columns; i++) {
        if (set->columns[i] == column) {
            return;
        }
    }
    assert(column);
    set->columns[set->n_columns++] = column;
}

struct value_set *value_set_new(const struct condition *condition)
{
    size_t n = condition->n_clauses;
    struct value_set *set;

    if (count_values(condition) <= SHORT_CONDITION) {
        return NULL;
    }
    set = xcalloc(1, sizeof(*set) + n * sizeof(set->columns[0]));
    set->others = NEW_ARRAY(const struct condition_clause *, n);
    for (size_t i = 0; i < n; i++) {
        struct condition_clause *clause = &condition->clauses[i];

        if (clause->function == COND_EQ) {
            add_column(set, clause->column);
            htable_insert(&set->clauses, clause_hash(clause), clause);
        } else if (!is_value(clause)) {
            set->others[set->n_others++] = clause;
        }
    }
    return set;
}

void value_set_free(struct value_set *set)
{
    if (set) {
        htable_done(&set->clauses);
        free(set->others);
        free(set);
    }
}

bool value_set_matches(const struct value_set *set, const struct row *row)
{
    for (size_t i = 0; i < set->n_columns; i++) {
        const struct column *column = set->columns[i];

        if (clause_find(&set->clauses, &(struct condition_clause){.function = COND_EQ,
                                                                  .column = column,
                                                                  .value = row_get(row, column)})) {
            return true;
        }
    }
    for (size_t i = 0; i < set->n_others; i++) {
        if (condition_clause_matches(set->others[i], row)) {
            return true;
        }
    }
    return false;
}
