// SPDX-License-Identifier: Apache-2.0
#include "tools/ovsdb-client/monitor_request.h"

#include "tools/tool.h"
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
                        const bool unwanted[N_SELECTS], const char *where)
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
    if (where) {
        buf_puts(buf, ",\"where\":");
        emit_canonical(buf, slice_of(where));
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
                        const char *group, const char *where, struct buf *requests)
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
    put_request(requests, monitored, first, unwanted, where);
}

// Appends "TABLE":[<monitor-request>...].
static void add_table(struct client_context *context, struct monitored *monitored,
                      const struct table_schema *table, const char *where, int argc, char **argv,
                      struct buf *buf)
{
    _cleanup_buf_ struct buf requests = {0};

    monitored->table = table;
    monitored->columns = NEW_ARRAY(const struct column *, table->n_columns);
    buf_putc(&requests, '[');
    if (argc == 0) {
        parse_group(context, monitored, "", where, &requests);
    }
    for (int i = 0; i < argc; i++) {
        parse_group(context, monitored, argv[i], where, &requests);
    }
    buf_putc(&requests, ']');
    emit_string(buf, slice_of(table->name));
    buf_putc(buf, ':');
    buf_put_slice(buf, buf_slice(&requests));
}

void monitor_request_init(struct monitor_request *request, struct client_context *context,
                          struct schema *schema, const char *where, int argc, char **argv)
{
    const struct table_schema *table = schema_find_table(schema, slice_of(argv[0]));
    size_t n = 0;

    *request = (struct monitor_request){
        .schema = schema,
        .tables = NEW_ARRAY(struct monitored, schema->n_tables + 1),
    };
    buf_putc(&request->json, '{');
    if (table) {
        add_table(context, &request->tables[n++], table, where, argc - 1, argv + 1, &request->json);
    } else if (!strcmp(argv[0], "ALL")) {
        for (; n < schema->n_tables; n++) {
            buf_puts(&request->json, n ? "," : "");
            add_table(context, &request->tables[n], &schema->tables[n], where, argc - 1, argv + 1,
                      &request->json);
        }
    } else {
        client_fail_no_table(context, argv[0]);
    }
    buf_putc(&request->json, '}');
    request->n_tables = n;
}

void monitor_request_done(struct monitor_request *request)
{
    for (size_t i = 0; i < request->n_tables; i++) {
        free(request->tables[i].columns);
    }
    free(request->tables);
    buf_done(&request->json);
    schema_unref(request->schema);
}
