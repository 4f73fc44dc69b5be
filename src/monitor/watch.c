// SPDX-License-Identifier: Apache-2.0
#include "monitor/watch.h"

#include "basic/list.h"
#include "monitor/values.h"

#include <assert.h>

// A clause of one view's condition.
struct watched_clause {
    const struct condition_clause *clause;
    struct view *view;
    struct list node; // tested_clause.watched, if the clause is evaluated
};

// Equal clauses of several views that cannot be found by hash. They are evaluated once for each
// row.
struct tested_clause {
    struct list watched; // struct watched_clause; never empty
    uint64_t seq;        // the last commit for which the clause held
};

// Clauses that are found by the hash of a value, and the columns that they compare.
struct found_clauses {
    struct htable clauses; // struct watched_clause by value_hash() or element_hash()
    struct watched_column {
        uint16_t index;
        uint32_t n; // clauses
    } * columns;
    size_t n_columns;
    size_t capacity;
};

// A view that watches a whole table.
struct watched_table {
    struct list node; // table_watches.views
    struct view *view;
};

// Everything that is watched in one table.
struct table_watches {
    struct list views;             // struct watched_table
    struct found_clauses values;   // column == constant
    struct found_clauses elements; // a set or map includes one element
    struct htable tests;           // struct tested_clause by clause_hash(): other clauses
};

struct watch_set {
    size_t n_tables;
    struct table_watches tables[]; // by table index
};

struct watch {
    struct watch_set *set;
    const struct monitor_spec *spec;
    struct watched_table *tables; // parallel to spec->tables
    // Parallel to spec->tables. Each an array parallel to the clauses, or NULL: the whole table.
    struct watched_clause **clauses;
};

struct watch_set *watch_set_new(const struct schema *schema)
{
    struct watch_set *set =
        xcalloc(1, sizeof(*set) + schema->n_tables * sizeof(struct table_watches));

    set->n_tables = schema->n_tables;
    for (size_t i = 0; i < set->n_tables; i++) {
        list_init(&set->tables[i].views);
    }
    return set;
}

static void found_clauses_done(struct found_clauses *found)
{
    assert(!found->clauses.n && !found->n_columns);
    htable_done(&found->clauses);
    free(found->columns);
}

void watch_set_free(struct watch_set *set)
{
    for (size_t i = 0; set && i < set->n_tables; i++) {
        assert(list_is_empty(&set->tables[i].views) && !set->tables[i].tests.n);
        found_clauses_done(&set->tables[i].values);
        found_clauses_done(&set->tables[i].elements);
        htable_done(&set->tables[i].tests);
    }
    free(set);
}

static struct watched_column *find_column(const struct found_clauses *found, uint16_t index)
{
    for (size_t i = 0; i < found->n_columns; i++) {
        if (found->columns[i].index == index) {
            return &found->columns[i];
        }
    }
    return NULL;
}

static void found_clauses_add(struct found_clauses *found, uint64_t hash,
                              struct watched_clause *watched)
{
    uint16_t index = watched->clause->column->index;
    struct watched_column *column = find_column(found, index);

    if (!column) {
        GROW(found->columns, found->n_columns, found->capacity);
        column = &found->columns[found->n_columns++];
        *column = (struct watched_column){.index = index};
    }
    column->n++;
    htable_insert(&found->clauses, hash, watched);
}

static void found_clauses_remove(struct found_clauses *found, uint64_t hash,
                                 struct watched_clause *watched)
{
    struct watched_column *column = find_column(found, watched->clause->column->index);

    assert(column && column->n);
    htable_remove(&found->clauses, hash, watched);
    if (!--column->n) {
        *column = found->columns[--found->n_columns];
    }
}

static uint64_t value_hash(const struct column *column, union datum value)
{
    return datum_hash(value, &column->type, column->index);
}

// The hash of an element, or of a pair of a map.
static uint64_t element_hash(const struct column *column, const struct elems_cursor *element)
{
    const struct type *type = &column->type;
    uint64_t hash = atom_hash(*element->key, type->key.type, column->index);

    return element->value ? atom_hash(*element->value, type->value.type, hash) : hash;
}

static bool is_one_element(const struct condition_clause *clause)
{
    return clause->function == COND_INCLUDES && datum_n(clause->value, &clause->column->type) == 1;
}

static uint64_t only_element_hash(const struct condition_clause *clause)
{
    struct elems_cursor element;

    assert(is_one_element(clause));
    datum_start(&clause->value, &clause->column->type, &element);
    return element_hash(clause->column, &element);
}

static struct tested_clause *find_tested(const struct table_watches *watches,
                                         const struct condition_clause *clause)
{
    struct tested_clause *test;

    HTABLE_FOREACH_WITH_HASH(test, &watches->tests, clause_hash(clause))
    {
        if (clause_equals(LIST_FIRST(&test->watched, struct watched_clause, node)->clause,
                          clause)) {
            return test;
        }
    }
    return NULL;
}

static void add_tested(struct table_watches *watches, struct watched_clause *watched)
{
    struct tested_clause *test = find_tested(watches, watched->clause);

    if (!test) {
        test = NEW(struct tested_clause);
        list_init(&test->watched);
        htable_insert(&watches->tests, clause_hash(watched->clause), test);
    }
    list_push_back(&test->watched, &watched->node);
}

static void remove_tested(struct table_watches *watches, struct watched_clause *watched)
{
    struct tested_clause *test = find_tested(watches, watched->clause);

    assert(test);
    list_remove(&watched->node);
    if (list_is_empty(&test->watched)) {
        htable_remove(&watches->tests, clause_hash(watched->clause), test);
        free(test);
    }
}

static void watch_clause(struct table_watches *watches, struct watched_clause *watched)
{
    const struct condition_clause *clause = watched->clause;

    if (clause->function == COND_EQ) {
        found_clauses_add(&watches->values, value_hash(clause->column, clause->value), watched);
    } else if (is_one_element(clause)) {
        found_clauses_add(&watches->elements, only_element_hash(clause), watched);
    } else if (clause->function != COND_FALSE) {
        add_tested(watches, watched);
    }
}

static void unwatch_clause(struct table_watches *watches, struct watched_clause *watched)
{
    const struct condition_clause *clause = watched->clause;

    if (clause->function == COND_EQ) {
        found_clauses_remove(&watches->values, value_hash(clause->column, clause->value), watched);
    } else if (is_one_element(clause)) {
        found_clauses_remove(&watches->elements, only_element_hash(clause), watched);
    } else if (clause->function != COND_FALSE) {
        remove_tested(watches, watched);
    }
}

static bool condition_is_always(const struct condition *condition)
{
    for (size_t i = 0; i < condition->n_clauses; i++) {
        if (condition->clauses[i].function == COND_TRUE) {
            return true;
        }
    }
    return !condition->n_clauses;
}

static struct watched_clause *watch_clauses(struct table_watches *watches, struct view *view,
                                            const struct condition *condition)
{
    struct watched_clause *clauses = NEW_ARRAY(struct watched_clause, condition->n_clauses);

    for (size_t i = 0; i < condition->n_clauses; i++) {
        clauses[i] = (struct watched_clause){.clause = &condition->clauses[i], .view = view};
        watch_clause(watches, &clauses[i]);
    }
    return clauses;
}

struct watch *watch_new(struct watch_set *set, struct view *view, const struct monitor_spec *spec)
{
    struct watch *watch = NEW(struct watch);

    watch->set = set;
    watch->spec = spec;
    watch->tables = NEW_ARRAY(struct watched_table, spec->n_tables + 1);
    watch->clauses = NEW_ARRAY(struct watched_clause *, spec->n_tables + 1);
    for (size_t i = 0; i < spec->n_tables; i++) {
        const struct monitor_table *table = &spec->tables[i];
        struct table_watches *watches = &set->tables[table->table->index];

        watch->tables[i].view = view;
        list_init(&watch->tables[i].node);
        if (condition_is_always(&table->condition)) {
            list_push_back(&watches->views, &watch->tables[i].node);
        } else {
            watch->clauses[i] = watch_clauses(watches, view, &table->condition);
        }
    }
    return watch;
}

void watch_free(struct watch *watch)
{
    for (size_t i = 0; i < watch->spec->n_tables; i++) {
        const struct monitor_table *table = &watch->spec->tables[i];

        list_remove(&watch->tables[i].node);
        for (size_t j = 0; watch->clauses[i] && j < table->condition.n_clauses; j++) {
            unwatch_clause(&watch->set->tables[table->table->index], &watch->clauses[i][j]);
        }
        free(watch->clauses[i]);
    }
    free(watch->tables);
    free(watch->clauses);
    free(watch);
}

// A commit, and the function to call for each view that it concerns.
struct commit {
    struct changeset *changes;
    void (*touch)(struct view *view, struct changeset *changes);
};

// Touches the views whose clauses with this hash hold for `row`, a version that the commit added or
// removed.
static void touch_found(const struct found_clauses *found, uint64_t hash, const struct row *row,
                        const struct commit *commit)
{
    const struct watched_clause *watched;

    HTABLE_FOREACH_WITH_HASH(watched, &found->clauses, hash)
    {
        if (condition_clause_matches(watched->clause, row)) {
            commit->touch(watched->view, commit->changes);
        }
    }
}

// True if the other version of the row, or NULL, has the same value in `column`: its views have
// been touched already.
static bool is_handled(const struct column *column, const struct row *row, const struct row *other)
{
    return other && datum_equals(row_get(row, column), row_get(other, column), &column->type);
}

static void touch_by_values(const struct found_clauses *values, const struct row *row,
                            const struct row *other, const struct commit *commit)
{
    for (size_t i = 0; i < values->n_columns; i++) {
        const struct column *column = &row->table->columns[values->columns[i].index];

        if (!is_handled(column, row, other)) {
            touch_found(values, value_hash(column, row_get(row, column)), row, commit);
        }
    }
}

// The same for a large set or map, in which few clauses are faster to find than all elements among
// the clauses.
static void touch_by_clauses(const struct found_clauses *elements, const struct column *column,
                             const struct row *row, const struct commit *commit)
{
    const struct watched_clause *watched;

    HTABLE_FOREACH(watched, &elements->clauses)
    {
        if (watched->clause->column->index == column->index &&
            condition_clause_matches(watched->clause, row)) {
            commit->touch(watched->view, commit->changes);
        }
    }
}

static void touch_by_elements(const struct found_clauses *elements, const struct row *row,
                              const struct row *other, const struct commit *commit)
{
    for (size_t i = 0; i < elements->n_columns; i++) {
        const struct column *column = &row->table->columns[elements->columns[i].index];
        union datum value = row_get(row, column);
        struct elems_cursor element;

        if (is_handled(column, row, other)) {
            continue;
        }
        if (elements->clauses.n < datum_n(value, &column->type)) {
            touch_by_clauses(elements, column, row, commit);
            continue;
        }
        for (datum_start(&value, &column->type, &element); element.key; elems_next(&element)) {
            touch_found(elements, element_hash(column, &element), row, commit);
        }
    }
}

static void touch_tested(const struct table_watches *watches, const struct row *row,
                         const struct commit *commit)
{
    struct tested_clause *test;

    HTABLE_FOREACH(test, &watches->tests)
    {
        const struct watched_clause *watched;

        if (test->seq != commit->changes->seq &&
            condition_clause_matches(
                LIST_FIRST(&test->watched, struct watched_clause, node)->clause, row)) {
            test->seq = commit->changes->seq;
            LIST_FOREACH (watched, &test->watched, node) {
                commit->touch(watched->view, commit->changes);
            }
        }
    }
}

static void touch_for_version(const struct table_watches *watches, const struct row *row,
                              const struct row *other, const struct commit *commit)
{
    touch_by_values(&watches->values, row, other, commit);
    touch_by_elements(&watches->elements, row, other, commit);
    touch_tested(watches, row, commit);
}

void watch_set_commit(const struct watch_set *set, struct changeset *changes,
                      void (*touch)(struct view *view, struct changeset *changes))
{
    const struct commit commit = {changes, touch};

    for (size_t i = 0; i < changes->n_tables; i++) {
        const struct table_changes *table = &changes->tables[i];
        const struct table_watches *watches = &set->tables[table->table->index];
        const struct watched_table *watched;

        LIST_FOREACH (watched, &watches->views, node) {
            touch(watched->view, changes);
        }
        for (size_t j = 0; j < table->n_rows; j++) {
            const struct row_change *row = &table->rows[j];

            if (row->new) {
                touch_for_version(watches, row->new, NULL, &commit);
            }
            if (row->old) {
                touch_for_version(watches, row->old, row->new, &commit);
            }
        }
    }
}
