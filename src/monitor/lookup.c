// SPDX-License-Identifier: Apache-2.0
#include "monitor/lookup.h"

#include "monitor/values.h"

#include <assert.h>

// The column that all clauses compare; NULL if they compare none or more than one.
static const struct column *only_column(const struct condition *condition)
{
    const struct column *column = NULL;

    for (size_t i = 0; i < condition->n_clauses; i++) {
        const struct condition_clause *clause = &condition->clauses[i];

        if (clause->column && column && clause->column != column) {
            return NULL;
        }
        column = clause->column ? clause->column : column;
    }
    return column;
}

static bool condition_is_never(const struct condition *condition)
{
    for (size_t i = 0; i < condition->n_clauses; i++) {
        if (condition->clauses[i].function != COND_FALSE) {
            return false;
        }
    }
    return condition->n_clauses;
}

bool lookup_is_possible(const struct condition *condition, struct table *rows, size_t *ret_n)
{
    const struct column *column = only_column(condition);

    *ret_n = 0;
    if (condition_is_never(condition)) {
        return true;
    }
    if (!column || !condition_is_values(condition) || !table_is_indexed(rows, column)) {
        return false;
    }
    for (size_t i = 0; i < condition->n_clauses; i++) {
        if (condition->clauses[i].column) {
            *ret_n += table_count_equal(rows, column, condition->clauses[i].value);
        }
    }
    return true;
}

void lookup_run(const struct condition *condition, const struct table *rows,
                void (*found)(void *userdata, struct row *row), void *userdata)
{
    for (size_t i = 0; i < condition->n_clauses; i++) {
        const struct condition_clause *clause = &condition->clauses[i];

        assert(clause->function == COND_FALSE || clause->function == COND_EQ);
        if (clause->column) {
            table_find_equal(rows, clause->column, clause->value, found, userdata);
        }
    }
}
