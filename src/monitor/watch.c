// SPDX-License-Identifier: Apache-2.0
#include "monitor/watch.h"

#include "basic/list.h"
#include "monitor/values.h"

// A clause column == constant of a view.
struct watched_value {
    const struct condition_clause *clause;
    struct view *view;
};

// A view as one that watches a whole table.
struct watched_table {
    struct list node; // table_watches.views
    struct view *view;
};

// What is watched in one table.
struct table_watches {
    struct list views;    // struct watched_table
    struct htable values; // struct watched_value, by column and value
    uint16_t *columns;    // those that some value is of
    uint32_t *n_values;   // how many, parallel to `columns`
    size_t n_columns;
    size_t capacity;
};

struct watch_set {
    size_t n_tables;
    struct table_watches tables[]; // by table index
};

struct watch {
    struct watch_set *set;
    const struct monitor_spec *spec;
    struct watched_table *tables; // parallel to spec->tables
    struct watched_value *
        *values; // parallel to spec->tables: arrays, one for each clause; NULL: the whole table
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

void watch_set_free(struct watch_set *set)
{
    for (size_t i = 0; set && i < set->n_tables; i++) {
        htable_done(&set->tables[i].values);
        free(set->tables[i].columns);
        free(set->tables[i].n_values);
    }
    free(set);
}

// Counts one value more of `column`.
static void count_column(struct table_watches *watches, uint16_t column)
{
    size_t i = 0;

    while (i < watches->n_columns && watches->columns[i] != column) {
        i++;
    }
    if (i == watches->n_columns) {
        if (i == watches->capacity) {
            watches->capacity = watches->capacity ? watches->capacity * 2 : 4;
            watches->columns =
                xreallocarray(watches->columns, watches->capacity, sizeof(*watches->columns));
            watches->n_values =
                xreallocarray(watches->n_values, watches->capacity, sizeof(*watches->n_values));
        }
        watches->columns[i] = column;
        watches->n_values[i] = 0;
        watches->n_columns++;
    }
    watches->n_values[i]++;
}

static void uncount_column(struct table_watches *watches, uint16_t column)
{
    size_t i = 0;

    while (watches->columns[i] != column) {
        i++;
    }
    if (!--watches->n_values[i]) {
        watches->n_columns--;
        watches->columns[i] = watches->columns[watches->n_columns];
        watches->n_values[i] = watches->n_values[watches->n_columns];
    }
}

static struct watched_value *watch_values(struct table_watches *watches, struct view *view,
                                          const struct condition *condition)
{
    struct watched_value *values = NEW_ARRAY(struct watched_value, condition->n_clauses);

    for (size_t i = 0; i < condition->n_clauses; i++) {
        const struct condition_clause *clause = &condition->clauses[i];

        values[i] = (struct watched_value){clause, view};
        if (clause->column) {
            htable_insert(&watches->values, value_hash(clause->column, clause->value), &values[i]);
            count_column(watches, clause->column->index);
        }
    }
    return values;
}

static void unwatch_values(struct table_watches *watches, struct watched_value *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct condition_clause *clause = values[i].clause;

        if (clause->column) {
            htable_remove(&watches->values, value_hash(clause->column, clause->value), &values[i]);
            uncount_column(watches, clause->column->index);
        }
    }
    free(values);
}

struct watch *watch_new(struct watch_set *set, struct view *view, const struct monitor_spec *spec)
{
    struct watch *watch = NEW(struct watch);

    watch->set = set;
    watch->spec = spec;
    watch->tables = NEW_ARRAY(struct watched_table, spec->n_tables + 1);
    watch->values = NEW_ARRAY(struct watched_value *, spec->n_tables + 1);
    for (size_t i = 0; i < spec->n_tables; i++) {
        const struct monitor_table *table = &spec->tables[i];
        struct table_watches *watches = &set->tables[table->table->index];

        watch->tables[i].view = view;
        list_init(&watch->tables[i].node);
        if (condition_is_values(&table->condition)) {
            watch->values[i] = watch_values(watches, view, &table->condition);
        } else {
            list_push_back(&watches->views, &watch->tables[i].node);
        }
    }
    return watch;
}

void watch_free(struct watch *watch)
{
    for (size_t i = 0; i < watch->spec->n_tables; i++) {
        const struct monitor_table *table = &watch->spec->tables[i];

        list_remove(&watch->tables[i].node);
        if (watch->values[i]) {
            unwatch_values(&watch->set->tables[table->table->index], watch->values[i],
                           table->condition.n_clauses);
        }
    }
    free(watch->tables);
    free(watch->values);
    free(watch);
}

static void touch_value(const struct table_watches *watches, const struct column *column,
                        union datum value, struct changeset *changes,
                        void (*touch)(struct view *view, struct changeset *changes))
{
    const struct watched_value *watched;

    HTABLE_FOREACH_WITH_HASH(watched, &watches->values, value_hash(column, value))
    {
        if (watched->clause->column == column &&
            datum_equals(watched->clause->value, value, &column->type)) {
            touch(watched->view, changes);
        }
    }
}

static void touch_row(const struct table_watches *watches, const struct row_change *change,
                      struct changeset *changes,
                      void (*touch)(struct view *view, struct changeset *changes))
{
    const struct row *some = change->new ? change->new : change->old;

    for (size_t i = 0; i < watches->n_columns; i++) {
        const struct column *column = &some->table->columns[watches->columns[i]];
        union datum value = row_get(some, column);

        touch_value(watches, column, value, changes, touch);
        if (change->old && change->old != some &&
            !datum_equals(row_get(change->old, column), value, &column->type)) {
            touch_value(watches, column, row_get(change->old, column), changes, touch);
        }
    }
}

void watch_set_commit(const struct watch_set *set, struct changeset *changes,
                      void (*touch)(struct view *view, struct changeset *changes))
{
    for (size_t i = 0; i < changes->n_tables; i++) {
        const struct table_changes *table = &changes->tables[i];
        const struct table_watches *watches = &set->tables[table->table->index];
        const struct watched_table *watched;

        LIST_FOREACH (watched, &watches->views, node) {
            touch(watched->view, changes);
        }
        for (size_t j = 0; watches->n_columns && j < table->n_rows; j++) {
            touch_row(watches, &table->rows[j], changes, touch);
        }
    }
}
