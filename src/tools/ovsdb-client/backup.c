// SPDX-License-Identifier: Apache-2.0
// ovsdb-client backup: selects all rows, builds the database in memory and prints it as a database
// file of two records. Ephemeral columns and default values are left out.
#include "store/encode.h"
#include "tools/ovsdb-client/select.h"
#include "tools/row_values.h"
#include "tools/tool.h"
#include "json/cursor.h"

#include <unistd.h>

// Selects _uuid and then the persistent columns.
static struct selection kept_columns(const struct table_schema *table)
{
    struct selection selection = {
        .table = table,
        .columns = NEW_ARRAY(const struct column *, table->n_columns),
    };

    selection.columns[selection.n++] = &table->columns[COLUMN_UUID];
    for (size_t i = COLUMN_VERSION + 1; i < table->n_columns; i++) {
        if (table->columns[i].is_persistent) {
            selection.columns[selection.n++] = &table->columns[i];
        }
    }
    return selection;
}

static void load_row(struct db *db, const struct table_schema *table, struct row_values *values)
{
    bool is_new;
    struct row *row = db_load_row(db, table, values->values[0].scalar.uuid, &is_new);

    for (size_t i = 1; i < values->n; i++) {
        row_set(row, values->columns[i], row_values_take(values, i));
    }
}

static void load_rows(struct client_context *context, const struct selection *selection,
                      struct slice rows, void *userdata)
{
    _cleanup_(row_values_done) struct row_values values = {0};
    struct cursor cursor;

    row_values_init(&values,
                    xmemdup(selection->columns, selection->n * sizeof(*selection->columns)),
                    selection->n);
    cursor_init(&cursor, rows);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        tool_check(row_values_read_whole(&values, selection->table, cursor_skip(&cursor)));
        load_row(userdata, selection->table, &values);
    }
}

static void print_file(struct db *db)
{
    _cleanup_buf_ struct buf record = {0};
    uint8_t sha1[RECORD_ID_SIZE];

    record_begin(&record);
    buf_put_slice(&record, text_slice(db_schema(db)->json));
    tool_print(record_end(&record, sha1));
    record_begin(&record);
    encode_snapshot(&record, db, "produced by \"ovsdb-client backup\"",
                    clock_realtime() / USEC_PER_MSEC);
    tool_print(record_end(&record, sha1));
}

void client_backup(struct client_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = client_fetch_schema(context);
    _cleanup_free_ struct selection *selections = NEW_ARRAY(struct selection, schema->n_tables + 1);
    struct db *db = db_new(schema, uuid_random);

    if (isatty(STDOUT_FILENO)) {
        tool_fail("standard output is a terminal, redirect it to a file");
    }
    client_show_progress(context->client, true);
    for (size_t i = 0; i < schema->n_tables; i++) {
        selections[i] = kept_columns(&schema->tables[i]);
    }
    client_select(context, selections, schema->n_tables, load_rows, db);
    tool_check(db_load_finish(db, NULL));
    print_file(db);
    db_free(db);
    for (size_t i = 0; i < schema->n_tables; i++) {
        free(selections[i].columns);
    }
}
