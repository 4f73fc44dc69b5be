// SPDX-License-Identifier: Apache-2.0
// A condition holds for a row if one of its clauses does, so only rows that match an added or
// removed clause can be shown or hidden. Clients that list the rows they need change a few of many
// clauses often. Therefore the rows of added and removed clauses are looked up by value if the
// column is indexed; the table is scanned for the other clauses.
#include "monitor/condition_change.h"

#include <assert.h>

struct condition_change {
    struct updates *updates;
    const struct monitor_table *old, *new;
    struct table *rows;
    // The added and removed clauses; their values belong to `old` and `new`.
    struct condition looked_up; // those whose rows are found by value
    struct condition scanned;   // the others
    size_t n_looked_up;         // about how many rows match `looked_up`
    struct htable found;        // rows that have been looked up, by row_hash()
};

static bool has_no_clauses(const struct condition *condition)
{
    return !condition->n_clauses;
}

static void add_clause(struct condition *condition, const struct condition_clause *clause)
{
    condition->clauses[condition->n_clauses++] = *clause;
}

// Whether a column is indexed, in an array by column index. The answer is kept, because
// table_is_indexed() counts its calls as scans.
enum is_indexed { INDEXED_UNKNOWN, INDEXED_NO, INDEXED_YES };

// Adds one added or removed clause.
static void add_changed(struct condition_change *change, const struct condition_clause *clause,
                        enum is_indexed *is_indexed)
{
    const struct column *column = clause->column;

    if (clause->function == COND_FALSE) {
        return;
    }
    if (clause->function != COND_EQ) {
        add_clause(&change->scanned, clause);
        return;
    }
    if (is_indexed[column->index] == INDEXED_UNKNOWN) {
        is_indexed[column->index] =
            table_is_indexed(change->rows, column) ? INDEXED_YES : INDEXED_NO;
    }
    if (is_indexed[column->index] == INDEXED_YES) {
        add_clause(&change->looked_up, clause);
        change->n_looked_up += table_count_equal(change->rows, column, clause->value);
    } else {
        add_clause(&change->scanned, clause);
    }
}

// Adds the clauses of `from` that `other` does not have.
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

// Scans the table for all added and removed clauses.
static void scan_for_all(struct condition_change *change)
{
    for (size_t i = 0; i < change->looked_up.n_clauses; i++) {
        add_clause(&change->scanned, &change->looked_up.clauses[i]);
    }
    change->looked_up.n_clauses = 0;
}

static void find_changed_clauses(struct condition_change *change)
{
    const struct condition *old = &change->old->condition, *new = &change->new->condition;
    size_t n = old->n_clauses + new->n_clauses + 1;
    enum is_indexed *is_indexed = NEW_ARRAY(enum is_indexed, change->old->table->n_columns);

    change->looked_up.clauses = NEW_ARRAY(struct condition_clause, n);
    change->scanned.clauses = NEW_ARRAY(struct condition_clause, n);
    add_missing(change, old, new, is_indexed);
    add_missing(change, new, old, is_indexed);
    free(is_indexed);
    if (has_no_clauses(old) || has_no_clauses(new)) {
        // One condition matches every row, so any row can be shown or hidden.
        add_clause(&change->scanned, &(struct condition_clause){.function = COND_TRUE});
    }
    if (change->n_looked_up > table_n_rows(change->rows)) {
        scan_for_all(change);
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

static bool was_found(const struct condition_change *change, const struct row *row)
{
    const struct row *found;

    HTABLE_FOREACH_WITH_HASH(found, &change->found, row_hash(row))
    {
        if (found == row) {
            return true;
        }
    }
    return false;
}

static void on_row_found(void *userdata, struct row *row)
{
    struct condition_change *change = userdata;

    if (!was_found(change, row)) {
        htable_insert(&change->found, row_hash(row), row);
        write_row(change, row);
    }
}

static void scan_table(const struct condition_change *change)
{
    struct value_set *values = value_set_new(&change->scanned);
    const struct row *row;

    for (size_t state = 0; (row = table_next(change->rows, &state));) {
        if ((values ? value_set_matches(values, row)
                    : condition_matches_any(&change->scanned, row)) &&
            !was_found(change, row)) {
            write_row(change, row);
        }
    }
    value_set_free(values);
}

void condition_change_write(struct updates *updates, const struct monitor_table *old,
                            const struct monitor_table *new, struct table *rows)
{
    struct condition_change change = {.updates = updates, .old = old, .new = new, .rows = rows};

    assert(old->table == new->table && old->n_columns == new->n_columns);
    find_changed_clauses(&change);
    for (size_t i = 0; i < change.looked_up.n_clauses; i++) {
        const struct condition_clause *clause = &change.looked_up.clauses[i];

        table_find_equal(rows, clause->column, clause->value, on_row_found, &change);
    }
    if (change.scanned.n_clauses) {
        scan_table(&change);
    }
    htable_done(&change.found);
    free(change.looked_up.clauses);
    free(change.scanned.clauses);
}
