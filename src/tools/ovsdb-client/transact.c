// SPDX-License-Identifier: Apache-2.0
// ovsdb-client transact and query.
#include "tools/ovsdb-client/background.h"
#include "tools/tool.h"
#include "json/cursor.h"

// The params of a "transact" request: an array that begins with the database's name.
static struct slice parse_params(const char *text)
{
    struct slice params = tool_parse_json(text);
    struct cursor cursor;

    cursor_init(&cursor, params);
    if (cursor_kind(&cursor) != JSON_KIND_ARRAY || !cursor_enter(&cursor) ||
        cursor_kind(&cursor) != JSON_KIND_STRING) {
        tool_fail("not a valid OVSDB query");
    }
    return params;
}

char *client_database_of_transaction(char **argv)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct slice name;

    json_cut(parse_params(argv[0]), &name, 1);
    name = json_decode_string(name, &scratch);
    return xstrndup(name.data, name.size);
}

static void call_transact(struct client_context *context, struct slice params, struct buf *reply)
{
    client_background_when_sent(context);
    if (client_call(context->client, "transact", params, reply) == CLIENT_ERROR) {
        tool_fail_json(buf_slice(reply), "transaction returned error");
    }
}

void client_transact(struct client_context *context, int argc, char **argv)
{
    _cleanup_buf_ struct buf reply = {0};

    call_transact(context, parse_params(argv[0]), &reply);
    tool_print_json(buf_slice(&reply), context->style.pretty);
}

// Appends `array` without its last element, if that is an object.
static void put_without_last_object(struct buf *buf, struct slice array)
{
    size_t n = json_count(array);
    struct cursor cursor;
    bool more;

    cursor_init(&cursor, array);
    buf_putc(buf, '[');
    more = cursor_enter(&cursor);
    for (size_t i = 0; more; i++) {
        bool is_last_object = i + 1 == n && cursor_kind(&cursor) == JSON_KIND_OBJECT;
        struct slice element = cursor_skip(&cursor);

        if (!is_last_object) {
            buf_puts(buf, i ? "," : "");
            buf_put_slice(buf, element);
        }
        more = cursor_more(&cursor);
    }
    buf_putc(buf, ']');
}

// An "abort" operation at the end undoes the transaction. Its result is not printed; it is null if
// an operation before it failed.
void client_query(struct client_context *context, int argc, char **argv)
{
    struct slice transaction = parse_params(argv[0]);
    _cleanup_buf_ struct buf params = {0};
    _cleanup_buf_ struct buf reply = {0};
    _cleanup_buf_ struct buf shown = {0};

    buf_put(&params, transaction.data, transaction.size - 1);
    buf_puts(&params, ",{\"op\":\"abort\"}]");
    call_transact(context, buf_slice(&params), &reply);
    if (json_kind_of(buf_slice(&reply)) == JSON_KIND_ARRAY) {
        put_without_last_object(&shown, buf_slice(&reply));
    } else {
        buf_put_slice(&shown, buf_slice(&reply));
    }
    tool_print_json(buf_slice(&shown), context->style.pretty);
}
