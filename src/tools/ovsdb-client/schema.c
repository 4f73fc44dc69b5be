// SPDX-License-Identifier: Apache-2.0
// The verbs of ovsdb-client that show databases and their schemas.
#include "tools/ovsdb-client/verbs.h"
#include "tools/tool.h"
#include "json/cursor.h"
#include "json/emit.h"
#include "json/tree.h"

#include <stdarg.h>
#include <stdio.h>

void client_put_strings(struct buf *buf, const char *first, ...)
{
    va_list args;

    buf_putc(buf, '[');
    va_start(args, first);
    for (const char *s = first; s; s = va_arg(args, const char *)) {
        if (s != first) {
            buf_putc(buf, ',');
        }
        emit_string(buf, slice_of(s));
    }
    va_end(args);
    buf_putc(buf, ']');
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool client_list_databases(struct client *client, char ***ret)
{
    _cleanup_buf_ struct buf reply = {0};
    _cleanup_buf_ struct buf scratch = {0};
    enum client_result result = client_call(client, "list_dbs", SLICE("[]"), &reply);
    struct cursor cursor;
    char **names;
    size_t n = 0;

    if (result == CLIENT_ERROR) {
        tool_fail_json(buf_slice(&reply), "list_dbs failed");
    }
    if (result != CLIENT_RESULT) {
        return false;
    }
    if (json_kind_of(buf_slice(&reply)) != JSON_KIND_ARRAY) {
        tool_fail("list_dbs response is not an array of names");
    }
    names = NEW_ARRAY(char *, json_count(buf_slice(&reply)) + 1);
    cursor_init(&cursor, buf_slice(&reply));
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name;

        if (cursor_kind(&cursor) != JSON_KIND_STRING) {
            tool_fail("list_dbs response is not an array of names");
        }
        name = cursor_string(&cursor, &scratch);
        names[n++] = xstrndup(name.data, name.size);
    }
    qsort(names, n, sizeof(*names), compare_strings);
    *ret = names;
    return true;
}

void client_strings_free(char ***strings)
{
    for (char **s = *strings; s && *s; s++) {
        free(*s);
    }
    free(TAKE_PTR(*strings));
}

// The reply to get_schema, JSON text.
static void fetch_schema_text(struct client_context *context, struct buf *ret)
{
    _cleanup_buf_ struct buf params = {0};

    client_put_strings(&params, context->database, NULL);
    client_call_or_fail(context->client, "get_schema", buf_slice(&params), ret);
}

struct schema *client_fetch_schema(struct client_context *context)
{
    _cleanup_buf_ struct buf text = {0};
    struct schema *schema;

    fetch_schema_text(context, &text);
    tool_check(schema_from_text(buf_slice(&text), &schema));
    return schema;
}

void client_list_dbs(struct client_context *context, int argc, char **argv)
{
    _cleanup_(client_strings_free) char **names = NULL;

    client_list_databases(context->client, &names);
    for (char **name = names; name && *name; name++) {
        tool_print_line(slice_of(*name));
    }
}

void client_get_schema(struct client_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = client_fetch_schema(context);

    tool_print_json(text_slice(schema->json), context->style.pretty);
}

void client_get_schema_version(struct client_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = client_fetch_schema(context);

    tool_print_line(slice_of(schema->version));
}

void client_get_schema_cksum(struct client_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = client_fetch_schema(context);

    tool_print_line(slice_of(schema->cksum));
}

void client_list_tables(struct client_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = client_fetch_schema(context);
    _cleanup_(table_formatter_done) struct table_formatter table = {0};

    table_formatter_add_column(&table, "Table");
    for (size_t i = 0; i < schema->n_tables; i++) {
        table_formatter_add_text(&table, slice_of(schema->tables[i].name));
    }
    client_print_table(context, &table);
}

static void add_column_rows(struct table_formatter *table, const struct table_schema *schema,
                            bool with_table)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        _cleanup_tree_ json_t *type = type_to_json(&schema->columns[i].type);
        _cleanup_free_ char *text = tree_text(type);

        if (with_table) {
            table_formatter_add_text(table, slice_of(schema->name));
        }
        table_formatter_add_text(table, slice_of(schema->columns[i].name));
        table_formatter_add_json(table, slice_of(text));
    }
}

void client_list_columns(struct client_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = client_fetch_schema(context);
    _cleanup_(table_formatter_done) struct table_formatter table = {0};

    if (argc == 0) {
        table_formatter_add_column(&table, "Table");
    }
    table_formatter_add_column(&table, "Column");
    table_formatter_add_column(&table, "Type");
    if (argc > 0 && !schema_find_table(schema, slice_of(argv[0]))) {
        client_fail_no_table(context, argv[0]);
    }
    for (size_t i = 0; i < schema->n_tables; i++) {
        if (argc == 0 || !strcmp(argv[0], schema->tables[i].name)) {
            add_column_rows(&table, &schema->tables[i], argc == 0);
        }
    }
    client_print_table(context, &table);
}
