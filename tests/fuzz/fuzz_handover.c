// SPDX-License-Identifier: Apache-2.0
// A state handover with arbitrary bytes. The first byte of the input is the number of connections,
// the rest is the state. A server without databases, with one listener, restores what it can and
// runs the loop for some turns.
#include "basic/log.h"
#include "daemon/daemon.h"
#include "daemon/handover/clients.h"
#include "service/state_handover.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FDS 4
#define N_TURNS 30

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Makes a descriptor with the state handover. `ends` are the other ends of its sockets.
static int pack(const uint8_t *data, size_t size, size_t n, int ends[MAX_FDS])
{
    struct slice bytes = {(const char *)data, size};
    int fds[MAX_FDS], pair[2], handover;

    for (size_t i = 0; i < n; i++) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair)) {
            abort();
        }
        fds[i] = pair[0];
        ends[i] = pair[1];
    }
    if (state_handover_pack(&bytes, 1, fds, n, &handover)) {
        abort();
    }
    for (size_t i = 0; i < n; i++) {
        close(fds[i]);
    }
    return handover;
}

static void run(const struct daemon *daemon, const int *ends, size_t n)
{
    char answer[4096];

    for (int turn = 0; turn < N_TURNS && sd_event_run(daemon->event, 0) > 0; turn++) {
        server_run(daemon->parts.server, USEC_PER_SEC);
        for (size_t i = 0; i < n; i++) {
            while (recv(ends[i], answer, sizeof(answer), 0) > 0) {
            }
        }
    }
}

static void set_up(struct daemon *daemon, struct identities *identities)
{
    struct failure *failure;

    if (sd_event_new(&daemon->event) < 0) {
        abort();
    }
    daemon->parts.server = server_new(uuid_random);
    daemon->client_sessions = (struct client_sessions){daemon->parts.server, identities};
    daemon->parts.net = client_sessions_net_new(daemon->event, &daemon->client_sessions);
    daemon->parts.databases = databases_new(daemon->parts.server, NULL);
    daemon->parts.remotes =
        remotes_new(daemon->parts.net, daemon->parts.server, daemon->parts.databases);
    failure = remotes_add(daemon->parts.remotes, "ptcp:0:127.0.0.1", &REMOTE_SETTINGS_DEFAULT);
    assert(!failure);
}

static void tear_down(struct daemon *daemon)
{
    remotes_free(daemon->parts.remotes);
    net_free(daemon->parts.net);
    databases_free(daemon->parts.databases);
    server_free(daemon->parts.server);
    sd_event_unref(daemon->event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[] = "ovsdbd-handover";
    struct identities identities = {0};
    struct daemon daemon = {0};
    struct listen_fd passed = {.name = name};
    struct handover *handover;
    int ends[MAX_FDS];
    size_t n;

    if (!size) {
        return 0;
    }
    log_set_level(NULL, -1, LOG_LEVEL_OFF);
    n = data[0] % (MAX_FDS + 1);
    passed.fd = pack(data + 1, size - 1, n, ends);
    handover = handover_take(&passed, 1);
    assert(passed.fd < 0);
    if (handover) {
        set_up(&daemon, &identities);
        handover_restore_databases(handover, &daemon.parts);
        handover_offer_listeners(handover, daemon.parts.net);
        handover_continue(handover, &daemon.parts);
        run(&daemon, ends, n);
        handover_free(handover);
        tear_down(&daemon);
    }
    for (size_t i = 0; i < n; i++) {
        close(ends[i]);
    }
    return 0;
}
