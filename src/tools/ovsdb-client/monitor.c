// SPDX-License-Identifier: Apache-2.0
// ovsdb-client monitor, monitor-cond and monitor-cond-since, for the methods "monitor" (RFC 7047
// 4.1.5), "monitor_cond" and "monitor_cond_since". Prints the initial contents and every update.
#include "tools/ovsdb-client/background.h"
#include "tools/ovsdb-client/monitor_print.h"
#include "tools/tool.h"
#include "json/cursor.h"
#include "json/emit.h"
#include "json/framer.h"

#include <stdio.h>

struct method {
    const char *name;
    const char *update;       // the notification's method
    enum monitor_style style; // of its table updates
    bool has_since;           // transaction ids in request, reply and updates
};

static const struct method monitor = {"monitor", "update", MONITOR_STYLE_RFC, false};
static const struct method monitor_cond = {"monitor_cond", "update2", MONITOR_STYLE_2, false};
static const struct method monitor_cond_since = {"monitor_cond_since", "update3", MONITOR_STYLE_2,
                                                 true};

// Element `i` of an array. Ends the program if there is none.
static struct slice element(struct client_context *context, struct slice array, size_t i)
{
    struct cursor cursor;

    if (json_kind_of(array) != JSON_KIND_ARRAY || json_count(array) <= i) {
        tool_fail_json(array, "%s: received an update without contents", context->server);
    }
    cursor_init(&cursor, array);
    cursor_enter(&cursor);
    while (i--) {
        cursor_skip(&cursor);
        cursor_more(&cursor);
    }
    return cursor_skip(&cursor);
}

// A string without its quotes; other values are returned unchanged.
static struct slice unquoted(struct slice string)
{
    return json_kind_of(string) == JSON_KIND_STRING
               ? (struct slice){string.data + 1, string.size - 2}
               : string;
}

static void print_initial(struct client_context *context, const struct method *method,
                          const struct monitor_request *request, struct slice reply)
{
    if (method->has_since) {
        printf("found: " SLICE_FORMAT ", last_id: " SLICE_FORMAT "\n",
               SLICE_ARGS(element(context, reply, 0)),
               SLICE_ARGS(unquoted(element(context, reply, 1))));
        reply = element(context, reply, 2);
    }
    monitor_print(context, request, method->style, reply, true);
}

static void print_update(struct client_context *context, const struct method *method,
                         const struct monitor_request *request, struct slice params)
{
    if (method->has_since) {
        printf("\nlast_id: " SLICE_FORMAT "\n", SLICE_ARGS(unquoted(element(context, params, 1))));
        context->printed = false; // the line above separates the tables already
    }
    monitor_print(context, request, method->style,
                  element(context, params, method->has_since ? 2 : 1), false);
}

static void print_updates(struct client_context *context, const struct method *method,
                          const struct monitor_request *request)
{
    _cleanup_buf_ struct buf text = {0};
    struct message message;

    while (client_next(context->client, &text, &message)) {
        if (message.type == MESSAGE_ERROR) {
            tool_fail_json(message.error, "%s: request failed", context->server);
        }
        if (message.type != MESSAGE_NOTIFICATION) {
            continue;
        }
        if (slice_is(message.method, method->update)) {
            print_update(context, method, request, message.params);
        } else if (slice_is(message.method, "monitor_canceled")) {
            tool_fail("%s: %s database was removed", context->server, context->database);
        }
    }
}

static void on_cond_change(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct client_context *context = userdata;
    _cleanup_buf_ struct buf params = {0};
    const char *error = framer_check(slice_of(argv[2]), SIZE_MAX, NULL, NULL);

    if (error) {
        command_reply_error(call, error);
        return;
    }
    buf_puts(&params, "[null,null,{");
    emit_string(&params, slice_of(argv[1]));
    buf_puts(&params, ":[{\"where\":");
    emit_canonical(&params, slice_of(argv[2]));
    buf_puts(&params, "}]}]");
    client_send(context->client, "monitor_cond_change", buf_slice(&params));
    command_reply(call, "condition changed");
}

static const struct command commands[] = {
    {"ovsdb-client/cond_change", "TABLE COND", 2, 2, on_cond_change},
    {NULL},
};

static void run_monitor(struct client_context *context, const struct method *method,
                        const char *last_id, const char *where, int argc, char **argv)
{
    _cleanup_(monitor_request_done) struct monitor_request request;
    _cleanup_buf_ struct buf params = {0};
    _cleanup_buf_ struct buf reply = {0};

    monitor_request_init(&request, context, client_fetch_schema(context), where, argc, argv);
    client_put_strings(&params, context->database, NULL);
    params.size--;
    buf_puts(&params, ",null,");
    buf_put_slice(&params, buf_slice(&request.json));
    if (last_id) {
        buf_putc(&params, ',');
        emit_string(&params, slice_of(last_id));
    }
    buf_putc(&params, ']');

    client_background_begin(context, where ? commands : NULL);
    client_announce_change_aware(context, context->client);
    if (client_call_or_fail(context->client, method->name, buf_slice(&params), &reply)) {
        print_initial(context, method, &request, buf_slice(&reply));
        client_background_ready(context);
        print_updates(context, method, &request);
    }
    client_background_end(context);
}

void client_monitor(struct client_context *context, int argc, char **argv)
{
    run_monitor(context, &monitor, NULL, NULL, argc, argv);
}

// The conditions, which are the first argument. Ends the program if they are not an array.
static const char *conditions(const struct client_context *context, char **argv)
{
    if (context->not_database == argv[0] && argv[0][0] != '[') {
        tool_fail("\"%s\" is neither a database of %s nor an array of conditions", argv[0],
                  context->server);
    }
    if (json_kind_of(tool_parse_json(argv[0])) != JSON_KIND_ARRAY) {
        tool_fail("\"%s\": the conditions must be an array", argv[0]);
    }
    return argv[0];
}

void client_monitor_cond(struct client_context *context, int argc, char **argv)
{
    run_monitor(context, &monitor_cond, NULL, conditions(context, argv), argc - 1, argv + 1);
}

void client_monitor_cond_since(struct client_context *context, int argc, char **argv)
{
    const char *last_id = "00000000-0000-0000-0000-000000000000";
    struct uuid uuid;

    if (argc > 2 && uuid_parse(slice_of(argv[0]), &uuid)) {
        last_id = argv[0];
        argc--;
        argv++;
    }
    run_monitor(context, &monitor_cond_since, last_id, conditions(context, argv), argc - 1,
                argv + 1);
}
