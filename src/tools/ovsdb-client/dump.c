// SPDX-License-Identifier: Apache-2.0
// ovsdb-client dump: selects all rows of the tables in one transaction, so that it prints one state
// of the database. Rows are sorted by their columns, with _uuid as the last key although it is
// printed first.
#include "tools/ovsdb-client/select.h"
#include "tools/row_values.h"
#include "tools/tool.h"
#include "json/cursor.h"

static int compare_columns(const void *a, const void *b)
{
    const struct column *x = *(const struct column *const *)a;
    const struct column *y = *(const struct column *const *)b;
    bool x_is_uuid = x->index == COLUMN_UUID;
    bool y_is_uuid = y->index == COLUMN_UUID;

    return x_is_uuid != y_is_uuid ? (int)x_is_uuid - (int)y_is_uuid : strcmp(x->name, y->name);
}

static void add_column(struct selection *selection, const struct column *column)
{
    for (size_t i = 0; i < selection->n; i++) {
        if (selection->columns[i] == column) {
            return;
        }
    }
    selection->columns[selection->n++] = column;
}

// Selects the named columns, or without names all columns except _version.
static struct selection select_columns(const struct table_schema *table, int n_names, char **names)
{
    struct selection selection = {
        .table = table,
        .columns = NEW_ARRAY(const struct column *, MAX(table->n_columns, n_names)),
    };

    for (int i = 0; i < n_names; i++) {
        const struct column *column = table_schema_find_column(table, slice_of(names[i]));

        if (!column) {
            tool_fail("Table \"%s\" has no column %s.", table->name, names[i]);
        }
        add_column(&selection, column);
    }
    for (size_t i = 0; n_names == 0 && i < table->n_columns; i++) {
        if (i != COLUMN_VERSION) {
            add_column(&selection, &table->columns[i]);
        }
    }
    qsort(selection.columns, selection.n, sizeof(*selection.columns), compare_columns);
    return selection;
}

static int compare_rows(const void *a, const void *b)
{
    return row_values_compare(a, b);
}

static struct row_values *read_rows(struct slice array, const struct selection *selection,
                                    size_t *ret_n)
{
    struct row_values *rows = NEW_ARRAY(struct row_values, json_count(array) + 1);
    struct cursor cursor;
    size_t n = 0;

    cursor_init(&cursor, array);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        row_values_init(&rows[n],
                        xmemdup(selection->columns, selection->n * sizeof(*selection->columns)),
                        selection->n);
        tool_check(row_values_read_whole(&rows[n], selection->table, cursor_skip(&cursor)));
        n++;
    }
    qsort(rows, n, sizeof(*rows), compare_rows);
    *ret_n = n;
    return rows;
}

// The index of the column that is printed as number i: _uuid, which is sorted last, is printed
// first.
static size_t printed_column(const struct selection *selection, size_t i)
{
    bool has_uuid = selection->columns[selection->n - 1]->index == COLUMN_UUID;

    return !has_uuid ? i : i ? i - 1 : selection->n - 1;
}

static void print_rows(struct client_context *context, const struct selection *selection,
                       struct slice array, void *userdata)
{
    _cleanup_free_ char *caption = xasprintf("%s table", selection->table->name);
    _cleanup_(table_formatter_done) struct table_formatter table = {0};
    size_t n;
    _cleanup_free_ struct row_values *rows = read_rows(array, selection, &n);

    table_formatter_set_caption(&table, caption);
    for (size_t i = 0; i < selection->n; i++) {
        table_formatter_add_column(&table, selection->columns[printed_column(selection, i)]->name);
    }
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i < selection->n; i++) {
            size_t column = printed_column(selection, i);

            table_formatter_add_datum(&table, row_values_take(&rows[r], column),
                                      &selection->columns[column]->type);
        }
        row_values_done(&rows[r]);
    }
    client_print_table(context, &table);
}

void client_dump(struct client_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = client_fetch_schema(context);
    _cleanup_free_ struct selection *selections = NEW_ARRAY(struct selection, schema->n_tables + 1);
    size_t n = 0;

    if (argc > 0) {
        const struct table_schema *table = schema_find_table(schema, slice_of(argv[0]));

        if (!table) {
            client_fail_no_table(context, argv[0]);
        }
        selections[n++] = select_columns(table, argc - 1, argv + 1);
    } else {
        for (size_t i = 0; i < schema->n_tables; i++) {
            selections[n++] = select_columns(&schema->tables[i], 0, NULL);
        }
    }
    client_select(context, selections, n, print_rows, NULL);
    for (size_t i = 0; i < n; i++) {
        free(selections[i].columns);
    }
}
