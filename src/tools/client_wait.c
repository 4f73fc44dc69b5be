// SPDX-License-Identifier: Apache-2.0
// ovsdb-client wait: a "wait" operation on the server's own database, where every database is a
// row. The server need not run yet; a connection that is lost is made again, and the request with
// it.
#include "tools/client_verbs.h"
#include "tools/tool.h"
#include "json/cursor.h"
#include "json/emit.h"

struct state {
    const char *name;
    const char *columns;
    const char *until;
    const char *rows;
};

static const struct state states[] = {
    {"added", "[]", "!=", "[]"},
    {"connected", "[\"connected\"]", "==", "[{\"connected\":true}]"},
    {"removed", "[]", "==", "[]"},
};

static const struct state *find_state(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        if (!strcmp(states[i].name, name)) {
            return &states[i];
        }
    }
    tool_fail("%s: unknown state", name);
}

static void put_params(struct buf *buf, const struct state *state, const char *database)
{
    buf_puts(buf, "[\"_Server\",{\"columns\":");
    buf_printf(buf, "%s,\"op\":\"wait\",\"rows\":%s,\"table\":\"Database\",\"until\":\"%s\"",
               state->columns, state->rows, state->until);
    buf_puts(buf, ",\"where\":[[\"name\",\"==\",");
    emit_string(buf, slice_of(database));
    buf_puts(buf, "]]}]");
}

// The reply of a wait that was fulfilled is [{}].
static bool is_fulfilled(struct slice result)
{
    struct cursor cursor;

    cursor_init(&cursor, result);
    return cursor_kind(&cursor) == JSON_KIND_ARRAY && cursor_enter(&cursor) &&
           cursor_kind(&cursor) == JSON_KIND_OBJECT && !cursor_enter(&cursor);
}

void client_wait(struct client_context *context, int argc, char **argv)
{
    const struct state *state = find_state(argv[1]);
    struct client *client = client_open(context->server, &context->tls, CLIENT_RETRY);
    _cleanup_buf_ struct buf params = {0};
    _cleanup_buf_ struct buf reply = {0};
    enum client_result result;

    put_params(&params, state, argv[0]);
    do {
        // Without it the server would drop us when the database comes or goes.
        result = client_call(client, "set_db_change_aware", SLICE("[true]"), &reply);
        if (result != CLIENT_LOST) {
            result = client_call(client, "transact", buf_slice(&params), &reply);
        }
    } while (result == CLIENT_LOST);
    if (result == CLIENT_ERROR || !is_fulfilled(buf_slice(&reply))) {
        tool_fail_json(buf_slice(&reply), "%s: wait failed", context->server);
    }
    client_close(client);
}
