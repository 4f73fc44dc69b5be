// SPDX-License-Identifier: Apache-2.0
#include "tools/ovsdb-client/monitor_print.h"

#include "tools/row_values.h"
#include "tools/tool.h"
#include "json/cursor.h"

// The update of one row. Slices are JSON text, or empty if the update has no such member.
struct row_update {
    struct uuid uuid;
    struct slice old; // style RFC
    struct slice new;
    const char *action; // style 2, with `row`
    struct slice row;
};

static const char *find_action(struct slice member)
{
    static const char *const actions[] = {"initial", "insert", "modify", "delete"};

    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        if (slice_is(member, actions[i])) {
            return actions[i];
        }
    }
    return NULL;
}

static void read_member(struct row_update *update, enum monitor_style style, struct slice member,
                        struct slice value)
{
    const char *action = find_action(member);

    if (style == MONITOR_STYLE_2 && action) {
        update->action = action;
        // A deletion has no columns: null.
        update->row = json_kind_of(value) == JSON_KIND_NULL ? SLICE("{}") : value;
    } else if (style == MONITOR_STYLE_RFC && slice_is(member, "old")) {
        update->old = value;
    } else if (style == MONITOR_STYLE_RFC && slice_is(member, "new")) {
        update->new = value;
    }
}

static struct row_update read_update(struct slice name, struct cursor *cursor,
                                     enum monitor_style style)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct row_update update = {0};

    if (!uuid_parse(name, &update.uuid) || cursor_kind(cursor) != JSON_KIND_OBJECT) {
        tool_fail("received an invalid update of row " SLICE_FORMAT, SLICE_ARGS(name));
    }
    for (bool more = cursor_enter(cursor); more; more = cursor_more(cursor)) {
        struct slice member = cursor_name(cursor, &scratch);

        read_member(&update, style, member, cursor_skip(cursor));
    }
    return update;
}

static int compare_updates(const void *a, const void *b)
{
    const struct row_update *x = a;
    const struct row_update *y = b;

    return uuid_compare(x->uuid, y->uuid);
}

static void add_row(struct table_formatter *table, const char *row, const char *action,
                    struct slice object, struct row_values *values)
{
    table_formatter_add_text(table, slice_of(row));
    table_formatter_add_text(table, slice_of(action));
    tool_check(row_values_read(values, object));
    for (size_t i = 0; i < values->n; i++) {
        if (values->present[i]) {
            table_formatter_add_datum(table, row_values_take(values, i), &values->columns[i]->type);
        } else {
            table_formatter_add_empty(table);
        }
    }
}

static void add_update(struct table_formatter *table, const struct row_update *update,
                       bool is_initial, struct row_values *values)
{
    char row[UUID_TEXT_SIZE];

    uuid_text(update->uuid, row);
    if (update->action) {
        add_row(table, row, update->action, update->row, values);
    } else if (update->old.size && update->new.size) {
        add_row(table, row, "old", update->old, values);
        add_row(table, "", "new", update->new, values);
    } else if (update->new.size) {
        add_row(table, row, is_initial ? "initial" : "insert", update->new, values);
    } else if (update->old.size) {
        add_row(table, row, "delete", update->old, values);
    }
}

static void print_table(struct client_context *context, const struct monitored *monitored,
                        enum monitor_style style, struct slice updates, bool is_initial,
                        bool with_caption)
{
    _cleanup_(table_formatter_done) struct table_formatter table = {0};
    _cleanup_(row_values_done) struct row_values values = {0};
    _cleanup_buf_ struct buf scratch = {0};
    struct row_update *rows;
    struct cursor cursor;
    size_t n = 0;

    if (with_caption) {
        table_formatter_set_caption(&table, monitored->table->name);
    }
    table.timestamp = context->timestamp ? clock_realtime() : 0;
    table_formatter_add_column(&table, "row");
    table_formatter_add_column(&table, "action");
    for (size_t i = 0; i < monitored->n_columns; i++) {
        table_formatter_add_column(&table, monitored->columns[i]->name);
    }

    rows = NEW_ARRAY(struct row_update, json_count(updates) + 1);
    cursor_init(&cursor, updates);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        rows[n++] = read_update(cursor_name(&cursor, &scratch), &cursor, style);
    }
    qsort(rows, n, sizeof(*rows), compare_updates);
    row_values_init(&values,
                    xmemdup(monitored->columns, monitored->n_columns * sizeof(*monitored->columns)),
                    monitored->n_columns);
    for (size_t i = 0; i < n; i++) {
        add_update(&table, &rows[i], is_initial, &values);
    }
    free(rows);
    if (table_formatter_n_rows(&table)) {
        client_print_table(context, &table);
    }
}

void monitor_print(struct client_context *context, const struct monitor_request *request,
                   enum monitor_style style, struct slice updates, bool is_initial)
{
    size_t n = request->n_tables;
    _cleanup_free_ struct slice *of_table = NEW_ARRAY(struct slice, n + 1);
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;

    if (json_kind_of(updates) != JSON_KIND_OBJECT) {
        tool_fail("%s: received table updates that are no object", context->server);
    }
    cursor_init(&cursor, updates);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, &scratch);
        size_t i = 0;

        while (i < n && !slice_is(name, request->tables[i].table->name)) {
            i++;
        }
        of_table[i] = cursor_skip(&cursor);
        if (json_kind_of(of_table[i]) != JSON_KIND_OBJECT) {
            tool_fail("%s: received table updates that are no object", context->server);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (of_table[i].size) {
            print_table(context, &request->tables[i], style, of_table[i], is_initial, n > 1);
        }
    }
}
