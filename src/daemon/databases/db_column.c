// SPDX-License-Identifier: Apache-2.0
#include "daemon/databases/db_column.h"

#include "basic/log.h"
#include "model/schema.h"

#include <assert.h>

LOG_MODULE(ovsdb_server);

bool db_column_is(const char *spec)
{
    return !strncmp(spec, "db:", 3);
}

// Cuts "DB,TABLE,COLUMN" into its names. False: there are not exactly three.
static bool cut_names(struct db_column *column)
{
    char *rest = column->names;

    column->db_name = strsep(&rest, ",");
    column->table_name = strsep(&rest, ",");
    column->column_name = rest;
    return rest && *rest && !strchr(rest, ',') && *column->db_name && *column->table_name;
}

// The table to which the column refers, or NULL.
static const struct table_schema *referred(const struct db_column *column)
{
    const struct base_type *key = &column->column->type.key;

    return key->type == ATOM_UUID ? key->uuid.ref_table : NULL;
}

// True if the change set may change values of the column.
static bool concerns(const struct db_column *column, const struct changeset *changes)
{
    const struct table_schema *other = referred(column);

    return changeset_find_table(changes, column->table) ||
           (other && changeset_find_table(changes, other));
}

static void on_committed(struct db_observer *observer, struct db *db, struct changeset *changes)
{
    struct db_column *column = CONTAINER_OF(observer, struct db_column, observer);

    if (concerns(column, changes)) {
        column->changed(column->userdata);
    }
}

static void on_withdrawn(struct db_observer *observer, struct db *db, struct changeset *last)
{
    struct db_column *column = CONTAINER_OF(observer, struct db_column, observer);

    for (const struct changeset *changes = last->next; changes; changes = changes->next) {
        if (concerns(column, changes)) {
            column->changed(column->userdata);
            break;
        }
    }
}

static void detach_from_db(struct db_column *column)
{
    if (column->db) {
        db_remove_observer(&column->observer);
        column->db = NULL;
    }
}

// Finds the column in `db` (NULL: there is no database of this name) and observes it.
static struct failure *attach_to(struct db_column *column, struct db *db)
{
    struct failure *failure;

    assert(!column->db);
    if (!db) {
        return failure_new(FAILURE_MISSING, "\"%s\": no database named %s", column->spec,
                           column->db_name);
    }
    column->table = schema_find_table(db_schema(db), slice_of(column->table_name));
    if (!column->table) {
        return failure_new(FAILURE_MISSING, "\"%s\": no table named %s", column->spec,
                           column->table_name);
    }
    column->column = table_schema_find_column(column->table, slice_of(column->column_name));
    if (!column->column) {
        return failure_new(FAILURE_MISSING, "\"%s\": table \"%s\" has no column \"%s\"",
                           column->spec, column->table_name, column->column_name);
    }
    failure = column->refusal(column->column);
    if (failure) {
        return failure_prefix(failure, "\"%s\"", column->spec);
    }
    column->db = db;
    db_add_observer(db, &column->observer);
    return NULL;
}

static void on_databases_changed(struct databases_observer *observer, struct db *old,
                                 struct db *new)
{
    struct db_column *column = CONTAINER_OF(observer, struct db_column, databases_observer);
    _cleanup_failure_ struct failure *failure = NULL;

    if (strcmp(db_schema(old ? old : new)->name, column->db_name)) {
        return;
    }
    detach_from_db(column);
    failure = attach_to(column, new);
    if (failure) {
        log_warn("%s; its settings are off until this changes", failure_text(failure));
    }
    column->changed(column->userdata);
}

struct failure *db_column_new(const char *spec, struct databases *databases,
                              struct failure *(*refusal)(const struct column *column),
                              void (*changed)(void *userdata), void *userdata,
                              struct db_column **ret)
{
    struct db_column *column = NEW(struct db_column);
    struct failure *failure = NULL;

    column->spec = xstrdup(spec);
    column->names = xstrdup(spec + strlen("db:"));
    column->observer.committed = on_committed;
    column->observer.withdrawn = on_withdrawn;
    column->refusal = refusal;
    column->changed = changed;
    column->userdata = userdata;
    column->databases_observer.changed = on_databases_changed;
    list_init(&column->databases_observer.node);
    if (!cut_names(column)) {
        failure = failure_new(FAILURE_INVALID,
                              "\"%s\": invalid syntax, it should be db:DB,TABLE,COLUMN", spec);
    } else if (!databases_waits_for_schema(databases, column->db_name)) {
        failure = attach_to(column, databases_find_db(databases, column->db_name));
    }
    if (failure) {
        db_column_free(column);
        return failure;
    }
    databases_on_change(databases, &column->databases_observer);
    *ret = column;
    return NULL;
}

void db_column_free(struct db_column *column)
{
    if (column) {
        databases_observer_remove(&column->databases_observer);
        detach_from_db(column);
        free(column->spec);
        free(column->names);
        free(column);
    }
}

void db_column_each(const struct db_column *column, db_column_visit *visit, void *userdata)
{
    const struct table *table = column->db ? db_table(column->db, column->table) : NULL;
    struct row *row;
    size_t state = 0;

    while (table && (row = table_next(table, &state))) {
        const struct type *type = &column->column->type;
        union datum datum = row_get(row, column->column);
        struct elems_cursor cursor;

        for (datum_start(&datum, type, &cursor); cursor.key; elems_next(&cursor)) {
            visit(userdata, row, *cursor.key);
        }
    }
}
