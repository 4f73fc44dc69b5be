// SPDX-License-Identifier: Apache-2.0
#include "monitor/values.h"

#define SHORT_CONDITION 4 // clauses; up to here trying them all is as fast

struct value_set {
    struct htable clauses; // by column and value
    size_t n_columns;
    const struct column *columns[]; // those that some clause compares
};

bool condition_is_values(const struct condition *condition)
{
    for (size_t i = 0; i < condition->n_clauses; i++) {
        if (condition->clauses[i].function != COND_EQ &&
            condition->clauses[i].function != COND_FALSE) {
            return false;
        }
    }
    return condition->n_clauses;
}

static struct condition_clause *find_clause(const struct htable *clauses,
                                            const struct column *column, union datum value)
{
    struct condition_clause *clause;

    HTABLE_FOREACH_WITH_HASH(clause, clauses, value_hash(column, value))
    {
        if (clause->column == column && datum_equals(clause->value, value, &column->type)) {
            return clause;
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

        if (clause->column && find_clause(&clauses, clause->column, clause->value)) {
            datum_done(clause->value, &clause->column->type);
            continue;
        }
        condition->clauses[n] = *clause;
        clause = &condition->clauses[n++];
        if (clause->column) {
            htable_insert(&clauses, value_hash(clause->column, clause->value), clause);
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
    set->columns[set->n_columns++] = column;
}

struct value_set *value_set_new(const struct condition *condition)
{
    struct value_set *set;

    if (condition->n_clauses <= SHORT_CONDITION || !condition_is_values(condition)) {
        return NULL;
    }
    set = xcalloc(1, sizeof(*set) + condition->n_clauses * sizeof(set->columns[0]));
    for (size_t i = 0; i < condition->n_clauses; i++) {
        struct condition_clause *clause = &condition->clauses[i];

        if (clause->column) {
            add_column(set, clause->column);
            htable_insert(&set->clauses, value_hash(clause->column, clause->value), clause);
        }
    }
    return set;
}

void value_set_free(struct value_set *set)
{
    if (set) {
        htable_done(&set->clauses);
        free(set);
    }
}

bool value_set_matches(const struct value_set *set, const struct row *row)
{
    for (size_t i = 0; i < set->n_columns; i++) {
        const struct column *column = set->columns[i];

        if (find_clause(&set->clauses, column, row_get(row, column))) {
            return true;
        }
    }
    return false;
}
