// SPDX-License-Identifier: Apache-2.0
// ovsdb-client dump: one transaction that selects all rows of the tables, so that what is printed
// is one state of the database. Rows are sorted by their columns; _uuid, although printed first,
// counts last.
#include "tools/client_verbs.h"
#include "tools/row_values.h"
#include "tools/tool.h"
#include "json/cursor.h"
#include "json/emit.h"

#include <stdio.h>

// The columns of one table in the order in which they sort.
struct selection {
    const struct table_schema *table;
    const struct column **columns;
    size_t n;
    bool has_uuid; // it is the last one
};

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
    selection->has_uuid = selection->has_uuid || column->index == COLUMN_UUID;
}

// All columns but _version without names, else those named.
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

static void put_select(struct buf *buf, const struct selection *selection)
{
    buf_puts(buf, ",{\"columns\":[");
    for (size_t i = 0; i < selection->n; i++) {
        if (i) {
            buf_putc(buf, ',');
        }
        emit_string(buf, slice_of(selection->columns[i]->name));
    }
    buf_puts(buf, "],\"op\":\"select\",\"table\":");
    emit_string(buf, slice_of(selection->table->name));
    buf_puts(buf, ",\"where\":[]}");
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
        tool_check(row_values_read(&rows[n], cursor_skip(&cursor)));
        for (size_t i = 0; i < selection->n; i++) {
            if (!rows[n].present[i]) {
                tool_fail("a row of table \"%s\" came without column %s", selection->table->name,
                          selection->columns[i]->name);
            }
        }
        n++;
    }
    qsort(rows, n, sizeof(*rows), compare_rows);
    *ret_n = n;
    return rows;
}

// Column i as printed: _uuid comes first.
static size_t printed_column(const struct selection *selection, size_t i)
{
    return !selection->has_uuid ? i : i ? i - 1 : selection->n - 1;
}

static void print_rows(struct client_context *context, struct slice array,
                       const struct selection *selection)
{
    _cleanup_free_ char *caption = xasprintf("%s table", selection->table->name);
    _cleanup_(table_done) struct table table = {0};
    size_t n;
    _cleanup_free_ struct row_values *rows = read_rows(array, selection, &n);

    table_set_caption(&table, caption);
    for (size_t i = 0; i < selection->n; i++) {
        table_add_column(&table, selection->columns[printed_column(selection, i)]->name);
    }
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i < selection->n; i++) {
            size_t column = printed_column(selection, i);

            table_add_datum(&table, row_values_take(&rows[r], column),
                            &selection->columns[column]->type);
        }
        row_values_done(&rows[r]);
    }
    client_print_table(context, &table);
}

// The "rows" member of a select's result; ends the program if there is none.
static struct slice result_rows(struct slice result)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct slice rows = SLICE_EMPTY;
    struct cursor cursor;

    cursor_init(&cursor, result);
    if (cursor_kind(&cursor) == JSON_KIND_OBJECT) {
        for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
            bool wanted = slice_is(cursor_name(&cursor, &scratch), "rows");
            struct slice value = cursor_skip(&cursor);

            rows = wanted ? value : rows;
        }
    }
    if (!rows.size || json_kind_of(rows) != JSON_KIND_ARRAY) {
        tool_fail_json(result, "select failed");
    }
    return rows;
}

static void run(struct client_context *context, const struct selection *selections, size_t n)
{
    _cleanup_buf_ struct buf params = {0};
    _cleanup_buf_ struct buf reply = {0};
    struct cursor cursor;
    bool more;

    client_put_strings(&params, context->database, NULL);
    params.size--;
    for (size_t i = 0; i < n; i++) {
        put_select(&params, &selections[i]);
    }
    buf_putc(&params, ']');
    client_call_or_fail(context->client, "transact", buf_slice(&params), &reply);
    if (json_kind_of(buf_slice(&reply)) != JSON_KIND_ARRAY || json_count(buf_slice(&reply)) < n) {
        tool_fail_json(buf_slice(&reply), "unexpected reply");
    }
    cursor_init(&cursor, buf_slice(&reply));
    more = cursor_enter(&cursor);
    for (size_t i = 0; i < n && more; i++) {
        print_rows(context, result_rows(cursor_skip(&cursor)), &selections[i]);
        more = cursor_more(&cursor);
    }
}

void client_dump(struct client_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = client_fetch_schema(context);
    _cleanup_free_ struct selection *selections = NEW_ARRAY(struct selection, schema->n_tables + 1);
    size_t n = 0;

    if (argc > 0) {
        const struct table_schema *table = schema_find_table(schema, slice_of(argv[0]));

        if (!table) {
            tool_fail("No table \"%s\" found.", argv[0]);
        }
        selections[n++] = select_columns(table, argc - 1, argv + 1);
    } else {
        for (size_t i = 0; i < schema->n_tables; i++) {
            selections[n++] = select_columns(&schema->tables[i], 0, NULL);
        }
    }
    run(context, selections, n);
    for (size_t i = 0; i < n; i++) {
        free(selections[i].columns);
    }
}
