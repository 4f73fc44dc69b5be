// SPDX-License-Identifier: Apache-2.0
// ovsdb-client lock, steal and unlock (RFC 7047 4.1.8): sends the request and prints replies and
// notifications of the server until a signal or the command "exit" ends it. In the background,
// further requests can be made through the control socket.
#include "tools/ovsdb-client/background.h"
#include "tools/tool.h"
#include "json/emit.h"

#include <stdio.h>

static void send_lock_request(struct client_context *context, const char *method, const char *lock)
{
    _cleanup_buf_ struct buf params = {0};

    client_put_strings(&params, lock, NULL);
    client_send(context->client, method, buf_slice(&params));
}

static void on_lock_command(struct command_call *call, int argc, char **argv, void *userdata)
{
    send_lock_request(userdata, argv[0], argv[1]);
    command_reply(call, "");
}

static const struct command commands[] = {
    {"lock", "LOCK", 1, 1, on_lock_command},
    {"steal", "LOCK", 1, 1, on_lock_command},
    {"unlock", "LOCK", 1, 1, on_lock_command},
    {NULL},
};

static void warn_of_error(struct client_context *context, struct slice error)
{
    _cleanup_buf_ struct buf text = {0};

    emit_canonical(&text, error);
    fprintf(stderr, "%s: %s: request failed: %s\n", tool_name(), context->server, buf_cstr(&text));
}

static void print_message(struct client_context *context, const struct message *message)
{
    switch (message->type) {
    case MESSAGE_REPLY:
        tool_print_json(message->result, context->style.pretty);
        break;
    case MESSAGE_ERROR:
        warn_of_error(context, message->error);
        break;
    case MESSAGE_NOTIFICATION:
        tool_print_line(message->method);
        tool_print_json(message->params, context->style.pretty);
        break;
    case MESSAGE_REQUEST:
        break;
    }
}

static void run_lock_verb(struct client_context *context, const char *method, const char *lock)
{
    _cleanup_buf_ struct buf text = {0};
    struct message message;
    bool ready = false;

    client_background_begin(context, commands);
    send_lock_request(context, method, lock);
    while (client_next(context->client, &text, &message)) {
        print_message(context, &message);
        if (!ready && message.type == MESSAGE_ERROR) {
            exit(EXIT_FAILURE);
        }
        if (!ready && message.type == MESSAGE_REPLY) {
            client_background_ready(context);
            ready = true;
        }
    }
    client_background_end(context);
}

void client_lock(struct client_context *context, int argc, char **argv)
{
    run_lock_verb(context, "lock", argv[0]);
}

void client_steal(struct client_context *context, int argc, char **argv)
{
    run_lock_verb(context, "steal", argv[0]);
}

void client_unlock(struct client_context *context, int argc, char **argv)
{
    run_lock_verb(context, "unlock", argv[0]);
}
