// SPDX-License-Identifier: Apache-2.0
// ovsdb-client wait: a "wait" operation on the database _Server, which has a row for every
// database. The server need not run yet. After the loss of the connection, it connects and sends
// the request again.
//
// Several servers are queried in turn, each for TURN_MS. One server is enough for the states
// "added" and "connected"; for "removed" all servers must confirm it one after another.
#include "tools/ovsdb-client/background.h"
#include "tools/tool.h"
#include "json/cursor.h"
#include "json/emit.h"

#define TURN_MS 500 // for each of several servers

struct state {
    const char *name;
    const char *columns;
    const char *until;
    const char *rows;
    bool is_of_all; // every server must have this state
};

static const struct state states[] = {
    {"added", "[]", "!=", "[]", false},
    {"connected", "[\"connected\"]", "==", "[{\"connected\":true}]", false},
    {"removed", "[]", "==", "[]", true},
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

static void put_params(struct buf *buf, const struct state *state, const char *database,
                       const struct client *client)
{
    struct uuid cid;
    char text[UUID_TEXT_SIZE];

    buf_puts(buf, "[\"_Server\",{\"columns\":");
    buf_printf(buf, "%s,\"op\":\"wait\",\"rows\":%s,\"table\":\"Database\",\"until\":\"%s\"",
               state->columns, state->rows, state->until);
    if (client_n_servers(client) > 1) {
        buf_printf(buf, ",\"timeout\":%d", TURN_MS);
    }
    buf_puts(buf, ",\"where\":[[\"name\",\"==\",");
    emit_string(buf, slice_of(database));
    buf_putc(buf, ']');
    if (client_cluster(client, &cid)) {
        buf_printf(buf, ",[\"cid\",\"==\",[\"uuid\",\"%s\"]]", uuid_text(cid, text));
    }
    buf_puts(buf, "]}]");
}

// Whether the wait has succeeded: the reply is [{}].
static bool is_fulfilled(struct slice result)
{
    struct cursor cursor;

    cursor_init(&cursor, result);
    return cursor_kind(&cursor) == JSON_KIND_ARRAY && cursor_enter(&cursor) &&
           cursor_kind(&cursor) == JSON_KIND_OBJECT && !cursor_enter(&cursor);
}

static bool is_timed_out(struct slice result)
{
    struct slice first, error;

    if (json_cut(result, &first, 1) < 1 || json_kind_of(first) != JSON_KIND_OBJECT) {
        return false;
    }
    error = json_member(first, "error");
    return error.data && slice_is(error, "\"timed out\"");
}

// Queries the current server. False: it has another state, or the connection was lost.
static bool query_server(struct client_context *context, struct slice params)
{
    struct client *client = context->client;
    _cleanup_buf_ struct buf reply = {0};
    enum client_result result;

    // Otherwise the server disconnects clients when the database is added or removed.
    result = client_call(client, "set_db_change_aware", SLICE("[true]"), &reply);
    if (result != CLIENT_LOST) {
        result = client_call(client, "transact", params, &reply);
    }
    if (result == CLIENT_LOST ||
        (client_n_servers(client) > 1 && is_timed_out(buf_slice(&reply)))) {
        return false;
    }
    if (result == CLIENT_ERROR || !is_fulfilled(buf_slice(&reply))) {
        tool_fail_json(buf_slice(&reply), "%s: wait failed", client_server(client));
    }
    return true;
}

void client_wait(struct client_context *context, int argc, char **argv)
{
    const struct state *state = find_state(argv[1]);
    _cleanup_buf_ struct buf params = {0};
    size_t n_servers, n_in_row = 0, next = 0;

    context->client = client_open(context->server, &context->tls, CLIENT_RETRY);
    client_background_begin(context, NULL);
    client_background_end_on_stop(context);
    client_background_ready(context);
    n_servers = state->is_of_all ? client_n_servers(context->client) : 1;
    put_params(&params, state, argv[0], context->client);
    for (;;) {
        bool is_so = query_server(context, buf_slice(&params));
        size_t index = client_server_index(context->client);

        // The client may have skipped servers that cannot be reached; then counting starts again.
        n_in_row = !is_so ? 0 : index == next ? n_in_row + 1 : 1;
        next = (index + 1) % client_n_servers(context->client);
        if (n_in_row == n_servers) {
            return;
        }
        if (client_n_servers(context->client) > 1) {
            client_next_server(context->client, "");
        }
    }
}
