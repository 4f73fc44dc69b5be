// SPDX-License-Identifier: Apache-2.0
#include "tools/ovsdb-tool/log_printer.h"

#include "store/encode.h"
#include "tools/tool.h"
#include "json/emit.h"

#include <stdio.h>
#include <time.h>

// A member of an object, in order of its name.
struct member {
    char *name;
    struct slice value;
};

static int compare_members(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

// The members of `object` sorted by name; none if it is not an object. free_members() frees them.
static struct member *sorted_members(struct slice object, size_t *ret_n)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct member *members;
    struct cursor cursor;
    size_t n = 0;

    *ret_n = 0;
    if (json_kind_of(object) != JSON_KIND_OBJECT) {
        return NULL;
    }
    members = NEW_ARRAY(struct member, json_count(object) + 1);
    cursor_init(&cursor, object);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, &scratch);

        members[n].name = xstrndup(name.data, name.size);
        members[n++].value = cursor_skip(&cursor);
    }
    qsort(members, n, sizeof(*members), compare_members);
    *ret_n = n;
    return members;
}

static void free_members(struct member *members, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(members[i].name);
    }
    free(members);
}

static void put_value(struct buf *out, struct slice json, const struct column *column)
{
    _cleanup_buf_ struct buf scratch = {0};
    _cleanup_error_ struct ovsdb_error *error = NULL;
    struct cursor cursor;
    union datum value;

    cursor_init(&cursor, json);
    if (column) {
        error = datum_decode(&cursor, &column->type, DATUM_CHECK_NOTHING, NULL, &scratch, &value);
    }
    if (!column || error) {
        // The value does not fit the schema: print it unchanged.
        emit_canonical(out, json);
        return;
    }
    datum_put_text(out, value, &column->type);
    datum_done(value, &column->type);
}

static void put_columns(struct log_printer *printer, const struct table_schema *table,
                        struct slice row)
{
    size_t n;
    struct member *columns = sorted_members(row, &n);

    for (size_t i = 0; i < n; i++) {
        const struct column *column =
            table ? table_schema_find_column(table, slice_of(columns[i].name)) : NULL;

        buf_puts(&printer->out, "    ");
        tool_put_escaped(&printer->out, slice_of(columns[i].name), true);
        buf_putc(&printer->out, '=');
        put_value(&printer->out, columns[i].value, column);
        buf_putc(&printer->out, '\n');
    }
    free_members(columns, n);
}

// "insert row NAME (UUID):", "row NAME (UUID) diff:", ...
static void put_row_title(struct buf *out, const char *table, const char *uuid, const char *name,
                          bool is_insert, bool is_diff)
{
    buf_puts(out, "  table ");
    tool_put_escaped(out, slice_of(table), true);
    buf_printf(out, " %srow ", is_insert ? "insert " : "");
    if (*name) {
        buf_printf(out, "%s (%.8s)", name, uuid);
    } else if (is_insert) {
        buf_printf(out, "%.8s", uuid);
    } else {
        buf_printf(out, "%.8s (%.8s)", uuid, uuid);
    }
    buf_puts(out, is_diff && !is_insert ? " diff:\n" : ":\n");
}

static void put_row(struct log_printer *printer, const char *table_name, const char *uuid,
                    struct slice row, bool is_diff)
{
    bool is_delete = json_kind_of(row) == JSON_KIND_NULL;
    bool is_known = row_names_find(&printer->names, table_name, uuid);

    // A new row has the name in the record, a known row the name that it had before.
    if (!is_known) {
        row_names_note(&printer->names, table_name, uuid, row);
    }
    put_row_title(&printer->out, table_name, uuid,
                  row_names_find(&printer->names, table_name, uuid), !is_known && !is_delete,
                  is_diff);
    if (is_delete) {
        buf_puts(&printer->out, "    delete row\n");
        row_names_forget(&printer->names, table_name, uuid);
        return;
    }
    row_names_note(&printer->names, table_name, uuid, row);
    if (printer->more > 1) {
        put_columns(
            printer,
            printer->schema ? schema_find_table(printer->schema, slice_of(table_name)) : NULL, row);
    }
}

static void put_tables(struct log_printer *printer, struct slice text, bool is_diff)
{
    size_t n_tables;
    struct member *tables = sorted_members(text, &n_tables);
    bool any = false;

    for (size_t i = 0; i < n_tables; i++) {
        size_t n_rows;
        struct member *rows;

        if (tables[i].name[0] == '_') {
            continue;
        }
        rows = sorted_members(tables[i].value, &n_rows);
        for (size_t j = 0; j < n_rows; j++) {
            put_row(printer, tables[i].name, rows[j].name, rows[j].value, is_diff);
            any = true;
        }
        free_members(rows, n_rows);
    }
    free_members(tables, n_tables);
    if (any) {
        buf_putc(&printer->out, '\n');
    }
}

static void put_date(struct buf *out, uint64_t date_ms)
{
    time_t seconds = (time_t)(date_ms / 1000);
    struct tm tm;

    if (date_ms && gmtime_r(&seconds, &tm)) {
        buf_printf(out, " %04d-%02d-%02d %02d:%02d:%02d.%03u", tm.tm_year + 1900, tm.tm_mon + 1,
                   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(date_ms % 1000));
    }
}

void log_printer_put(struct log_printer *printer, struct slice transaction)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct record_info info;

    decode_info(transaction, &scratch, &info);
    put_date(&printer->out, info.date_ms);
    if (info.comment.size) {
        buf_puts(&printer->out, " \"");
        tool_put_escaped(&printer->out, info.comment, true);
        buf_putc(&printer->out, '"');
    }
    buf_putc(&printer->out, '\n');
    if (printer->more) {
        put_tables(printer, transaction, info.is_diff);
    }
}

void log_printer_flush(struct log_printer *printer)
{
    buf_clear(&printer->escaped);
    tool_put_escaped(&printer->escaped, buf_slice(&printer->out), false);
    tool_print(buf_slice(&printer->escaped));
    buf_clear(&printer->out);
}

void log_printer_set_schema(struct log_printer *printer, struct schema *schema)
{
    schema_unref(printer->schema);
    printer->schema = schema;
}

void log_printer_done(struct log_printer *printer)
{
    schema_unref(printer->schema);
    row_names_done(&printer->names);
    buf_done(&printer->out);
    buf_done(&printer->escaped);
}
