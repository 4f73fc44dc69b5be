// SPDX-License-Identifier: Apache-2.0
// A condition holds if one of its clauses does, so a row can only come or go if a clause does that
// came or went. Clients that name their own rows change a few of many clauses, again and again: the
// rows of these are looked up by value where they can be, and for the others the table is walked.
#include "monitor/condition_change.h"

struct condition_change {
    struct updates *updates;
    const struct monitor_table *old, *new;
    struct table *rows;
    // Clauses that came or went, which are the conditions': by value, and the others.
    struct condition looked_up, walked;
    size_t n_looked_up; // rows, about
    struct htable seen; // rows that were looked up
};

static bool is_always(const struct condition *condition)
{
    return !condition->n_clauses;
}

static void add(struct condition *condition, const struct condition_clause *clause)
{
    condition->clauses[condition->n_clauses++] = *clause;
}

// By column index: whether its values are looked up. table_is_indexed() counts how often it is
// asked, which is for each walk.
enum is_indexed { NOT_ASKED, NO, YES };

static void add_changed(struct condition_change *change, const struct condition_clause *clause,
                        enum is_indexed *is_indexed)
{
    const struct column *column = clause->column;

    if (clause->function == COND_FALSE) {
        return;
    }
    if (clause->function != COND_EQ) {
        add(&change->walked, clause);
        return;
    }
    if (is_indexed[column->index] == NOT_ASKED) {
        is_indexed[column->index] = table_is_indexed(change->rows, column) ? YES : NO;
    }
    if (is_indexed[column->index] == YES) {
        add(&change->looked_up, clause);
        change->n_looked_up += table_count_equal(change->rows, column, clause->value);
    } else {
        add(&change->walked, clause);
    }
}

// Adds the clauses of `from` that `other` lacks.
static void add_missing(struct condition_change *change, const struct condition *from,
                        const struct condition *other, enum is_indexed *is_indexed)
{
    struct htable clauses = {0};

    for (size_t i = 0; i < other->n_clauses; i++) {
        htable_insert(&clauses, clause_hash(&other->clauses[i]), &other->clauses[i]);
    }
    for (size_t i = 0; i < from->n_clauses; i++) {
        if (!clause_find(&clauses, &from->clauses[i])) {
            add_changed(change, &from->clauses[i], is_indexed);
        }
    }
    htable_done(&clauses);
}

// What comes or goes if all rows do, or most.
static void compare_everything(struct condition_change *change)
{
    for (size_t i = 0; i < change->looked_up.n_clauses; i++) {
        add(&change->walked, &change->looked_up.clauses[i]);
    }
    change->looked_up.n_clauses = 0;
}

static void compare(struct condition_change *change)
{
    const struct condition *old = &change->old->condition, *new = &change->new->condition;
    size_t n = old->n_clauses + new->n_clauses + 1;
    enum is_indexed *is_indexed = NEW_ARRAY(enum is_indexed, change->old->table->n_columns);

    change->looked_up.clauses = NEW_ARRAY(struct condition_clause, n);
    change->walked.clauses = NEW_ARRAY(struct condition_clause, n);
    add_missing(change, old, new, is_indexed);
    add_missing(change, new, old, is_indexed);
    free(is_indexed);
    if (is_always(old) || is_always(new)) {
        add(&change->walked, &(struct condition_clause){.function = COND_TRUE});
    }
    if (change->n_looked_up > table_n_rows(change->rows)) {
        compare_everything(change);
    }
}

static void write_row(const struct condition_change *change, const struct row *row)
{
    updates_row(change->updates, change->new, monitor_table_matches(change->old, row) ? row : NULL,
                monitor_table_matches(change->new, row) ? row : NULL, false);
}

static uint64_t row_hash(const struct row *row)
{
    return hash_u64((uintptr_t)row, 0);
}

static bool is_seen(const struct condition_change *change, const struct row *row)
{
    const struct row *seen;

    HTABLE_FOREACH_WITH_HASH(seen, &change->seen, row_hash(row))
    {
        if (seen == row) {
            return true;
        }
    }
    return false;
}

static void on_found(void *userdata, struct row *row)
{
    struct condition_change *change = userdata;

    if (!is_seen(change, row)) {
        htable_insert(&change->seen, row_hash(row), row);
        write_row(change, row);
    }
}

static void scan(const struct condition_change *change)
{
    struct value_set *values = value_set_new(&change->walked);
    const struct row *row;

    for (size_t state = 0; (row = table_next(change->rows, &state));) {
        if ((values ? value_set_matches(values, row)
                    : condition_matches_any(&change->walked, row)) &&
            !is_seen(change, row)) {
            write_row(change, row);
        }
    }
    value_set_free(values);
}

void condition_change_write(struct updates *updates, const struct monitor_table *old,
                            const struct monitor_table *new, struct table *rows)
{
    struct condition_change change = {.updates = updates, .old = old, .new = new, .rows = rows};

    compare(&change);
    for (size_t i = 0; i < change.looked_up.n_clauses; i++) {
        const struct condition_clause *clause = &change.looked_up.clauses[i];

        table_find_equal(rows, clause->column, clause->value, on_found, &change);
    }
    if (change.walked.n_clauses) {
        scan(&change);
    }
    htable_done(&change.seen);
    free(change.looked_up.clauses);
    free(change.walked.clauses);
}
