// SPDX-License-Identifier: Apache-2.0
// ovsdb-client monitor: turns the arguments into one monitor request (RFC 7047 4.1.5) and prints
// the initial contents and every update, a table for each table that changed.
//
//     TABLE|ALL [GROUP...]    a GROUP is COLUMN,COLUMN,... with !initial, !insert, !delete, !modify
//     for what
//                         is not wanted of these columns; without COLUMNs it means all of them
#include "tools/client_background.h"
#include "tools/monitor_print.h"
#include "tools/tool.h"
#include "json/cursor.h"
#include "json/emit.h"

static void monitored_add(struct client_context *context, struct monitored *monitored,
                          const struct column *column)
{
    for (size_t i = 0; i < monitored->n_columns; i++) {
        if (monitored->columns[i] == column) {
            tool_fail("%s: column \"%s\" mentioned multiple times", context->server, column->name);
        }
    }
    monitored->columns[monitored->n_columns++] = column;
}

static void add_all_columns(struct client_context *context, struct monitored *monitored)
{
    const struct table_schema *table = monitored->table;

    for (size_t i = COLUMN_VERSION + 1; i < table->n_columns; i++) {
        monitored_add(context, monitored, &table->columns[i]);
    }
    monitored_add(context, monitored, &table->columns[COLUMN_VERSION]);
}

enum { SELECT_DELETE, SELECT_INITIAL, SELECT_INSERT, SELECT_MODIFY, N_SELECTS };
static const char *const select_names[N_SELECTS] = {"delete", "initial", "insert", "modify"};

// Appends the <monitor-request> for the columns from `first` on.
static void put_request(struct buf *buf, const struct monitored *monitored, size_t first,
                        const bool unwanted[N_SELECTS])
{
    bool any = false;

    buf_puts(buf, "{\"columns\":[");
    for (size_t i = first; i < monitored->n_columns; i++) {
        if (i > first) {
            buf_putc(buf, ',');
        }
        emit_string(buf, slice_of(monitored->columns[i]->name));
    }
    buf_putc(buf, ']');
    for (size_t i = 0; i < N_SELECTS; i++) {
        any = any || unwanted[i];
    }
    if (any) {
        buf_puts(buf, ",\"select\":{");
        for (size_t i = 0; i < N_SELECTS; i++) {
            buf_printf(buf, "%s\"%s\":%s", i ? "," : "", select_names[i],
                       unwanted[i] ? "false" : "true");
        }
        buf_putc(buf, '}');
    }
    buf_putc(buf, '}');
}

static bool parse_unwanted(const char *word, bool unwanted[N_SELECTS])
{
    for (size_t i = 0; i < N_SELECTS; i++) {
        if (word[0] == '!' && !strcmp(word + 1, select_names[i])) {
            unwanted[i] = true;
            return true;
        }
    }
    return false;
}

static void parse_group(struct client_context *context, struct monitored *monitored,
                        const char *group, struct buf *requests)
{
    _cleanup_free_ char *words = xstrdup(group);
    bool unwanted[N_SELECTS] = {false};
    size_t first = monitored->n_columns;
    char *rest = NULL;

    for (char *word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        const struct column *column;

        if (parse_unwanted(word, unwanted)) {
            continue;
        }
        column = table_schema_find_column(monitored->table, slice_of(word));
        if (!column) {
            tool_fail("%s: table \"%s\" in %s does not have a column named \"%s\"", context->server,
                      monitored->table->name, context->database, word);
        }
        monitored_add(context, monitored, column);
    }
    if (monitored->n_columns == first) {
        add_all_columns(context, monitored);
    }
    if (requests->size > 1) {
        buf_putc(requests, ',');
    }
    put_request(requests, monitored, first, unwanted);
}

// Appends "TABLE":[<monitor-request>...].
static void add_table(struct client_context *context, struct monitored *monitored,
                      const struct table_schema *table, int argc, char **argv, struct buf *buf)
{
    _cleanup_buf_ struct buf requests = {0};

    monitored->table = table;
    monitored->columns = NEW_ARRAY(const struct column *, table->n_columns);
    buf_putc(&requests, '[');
    if (argc == 0) {
        parse_group(context, monitored, "", &requests);
    }
    for (int i = 0; i < argc; i++) {
        parse_group(context, monitored, argv[i], &requests);
    }
    buf_putc(&requests, ']');
    emit_string(buf, slice_of(table->name));
    buf_putc(buf, ':');
    buf_put_slice(buf, buf_slice(&requests));
}

// The whole request's params; fills in what is monitored.
static void put_params(struct client_context *context, const struct schema *schema, int argc,
                       char **argv, struct monitored *monitored, size_t *ret_n, struct buf *buf)
{
    const struct table_schema *table = schema_find_table(schema, slice_of(argv[0]));
    size_t n = 0;

    client_put_strings(buf, context->database, NULL);
    buf->size--;
    buf_puts(buf, ",null,{");
    if (table) {
        add_table(context, &monitored[n++], table, argc - 1, argv + 1, buf);
    } else if (!strcmp(argv[0], "ALL")) {
        for (; n < schema->n_tables; n++) {
            if (n) {
                buf_putc(buf, ',');
            }
            add_table(context, &monitored[n], &schema->tables[n], argc - 1, argv + 1, buf);
        }
    } else {
        tool_fail("%s: %s does not have a table named \"%s\"", context->server, context->database,
                  argv[0]);
    }
    buf_puts(buf, "}]");
    *ret_n = n;
}

// The second parameter of an "update"; ends the program if there is none.
static struct slice update_param(struct client_context *context, struct slice params)
{
    struct cursor cursor;

    cursor_init(&cursor, params);
    if (json_count(params) < 2) {
        tool_fail("%s: received an update without contents", context->server);
    }
    cursor_enter(&cursor);
    cursor_skip(&cursor);
    cursor_more(&cursor);
    return cursor_skip(&cursor);
}

static void follow(struct client_context *context, const struct monitored *monitored, size_t n)
{
    _cleanup_buf_ struct buf text = {0};
    struct message message;

    while (client_next(context->client, &text, &message)) {
        if (message.type != MESSAGE_NOTIFICATION) {
            continue;
        }
        if (slice_is(message.method, "update")) {
            monitor_print(context, monitored, n, update_param(context, message.params), false);
        } else if (slice_is(message.method, "monitor_canceled")) {
            tool_fail("%s: %s database was removed", context->server, context->database);
        }
    }
}

void client_monitor(struct client_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = client_fetch_schema(context);
    _cleanup_free_ struct monitored *monitored = NEW_ARRAY(struct monitored, schema->n_tables + 1);
    _cleanup_buf_ struct buf params = {0};
    _cleanup_buf_ struct buf reply = {0};
    size_t n;

    put_params(context, schema, argc, argv, monitored, &n, &params);
    client_background_begin(context, NULL);
    // Old servers do not know it: whatever they answer is fine.
    client_call(context->client, "set_db_change_aware", SLICE("[true]"), &reply);
    if (client_call_or_fail(context->client, "monitor", buf_slice(&params), &reply)) {
        monitor_print(context, monitored, n, buf_slice(&reply), true);
        client_background_ready(context);
        follow(context, monitored, n);
    }
    for (size_t i = 0; i < n; i++) {
        free(monitored[i].columns);
    }
    client_background_end(context);
}
