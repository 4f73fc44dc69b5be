// SPDX-License-Identifier: Apache-2.0
#include "tools/ovsdb-client/select.h"

#include "tools/tool.h"
#include "json/cursor.h"
#include "json/emit.h"

static void put_select(struct buf *buf, const struct selection *selection)
{
    buf_puts(buf, ",{\"columns\":[");
    for (size_t i = 0; i < selection->n; i++) {
        emit_next(buf);
        emit_string(buf, slice_of(selection->columns[i]->name));
    }
    buf_puts(buf, "],\"op\":\"select\",\"table\":");
    emit_string(buf, slice_of(selection->table->name));
    buf_puts(buf, ",\"where\":[]}");
}

// The "rows" member of a select's result; ends the program if there is none.
static struct slice result_rows(struct slice result)
{
    struct slice rows = json_member(result, "rows");

    if (!rows.data || json_kind_of(rows) != JSON_KIND_ARRAY) {
        tool_fail_json(result, "select failed");
    }
    return rows;
}

void client_select(struct client_context *context, const struct selection *selections, size_t n,
                   void (*got)(struct client_context *context, const struct selection *selection,
                               struct slice rows, void *userdata),
                   void *userdata)
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
        got(context, &selections[i], result_rows(cursor_skip(&cursor)), userdata);
        more = cursor_more(&cursor);
    }
}
