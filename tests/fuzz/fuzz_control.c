// SPDX-License-Identifier: Apache-2.0
// What a client sends to the control socket. The first byte of the input selects the dialect (HTTP
// from 128 on) and the size of the pieces in which the rest is sent.
#include "control/client.h"

#include "control/dialect.h"

#include <fcntl.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_running;

static void on_any(struct command_call *call, int argc, char **argv, void *userdata)
{
    if (argc > 2) {
        command_reply_error(call, argv[1]);
    } else {
        command_reply(call, argv[argc - 1]);
    }
}

static const struct command commands[] = {
    {"any", "", 0, -1, on_any, .method = "Any", .args = {{"arguments", ARG_STRINGS}},
     .result = COMMAND_STRING("text")},
    {"metrics", "", 0, 0, on_any, .reads = true},
    {NULL},
};

static void on_ended(struct control_client *client, void *userdata)
{
    n_running--;
}

// Sends a piece, runs the loop, and drops the answers.
static void feed(sd_event *event, int fd, const uint8_t *data, size_t size)
{
    char answer[4096];

    if (send(fd, data, size, MSG_NOSIGNAL) < 0) {
        return;
    }
    for (int turns = 0; turns < 100 && n_running && sd_event_run(event, 0) > 0; turns++) {
        while (recv(fd, answer, sizeof(answer), 0) > 0) {
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct control_client_owner owner = {.ended = on_ended};
    struct command_registry *registry;
    struct control_client *client;
    size_t step = size ? data[0] % 61 + 1 : 1;
    const struct dialect *dialect = size && data[0] >= 128 ? &dialect_http : NULL;
    sd_event *event;
    int fds[2];

    if (sd_event_new(&event) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds)) {
        abort();
    }
    registry = command_registry_new();
    command_register(registry, commands, NULL);
    if (control_client_new(event, registry, dialect, fds[0], &owner, &client) < 0) {
        abort();
    }
    n_running = 1;
    for (size_t at = 1; at < size && n_running; at += step) {
        feed(event, fds[1], data + at, size - at < step ? size - at : step);
    }
    close(fds[1]);
    control_client_free(client);
    command_registry_free(registry);
    sd_event_unref(event);
    return 0;
}
