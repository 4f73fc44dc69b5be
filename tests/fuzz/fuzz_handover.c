// SPDX-License-Identifier: Apache-2.0
// A state handover that another process may have left with the service manager. The first byte is the
// number of its sockets, the rest are its bytes. A listening server without databases takes over what
// it can, and runs for a few turns.
#include "basic/log.h"
#include "daemon/handover/handover.h"
#include "service/state_handover.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FDS 4
#define N_TURNS 30

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t no_ticket(void *userdata)
{
    return 0;
}

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
        server_run(daemon->server, USEC_PER_SEC);
        for (size_t i = 0; i < n; i++) {
            while (recv(ends[i], answer, sizeof(answer), 0) > 0) {
            }
        }
    }
}

static void set_up(struct daemon *daemon, struct identities *identities)
{
    char *error;

    if (sd_event_new(&daemon->event) < 0) {
        abort();
    }
    daemon->server = server_new(no_ticket, NULL, uuid_random);
    daemon->client_sessions = (struct client_sessions){daemon->server, identities};
    daemon->net = client_sessions_net_new(daemon->event, &daemon->client_sessions);
    daemon->databases = databases_new(daemon->server, NULL);
    daemon->remotes = remotes_new(daemon->net, daemon->server, daemon->databases);
    error = remotes_add(daemon->remotes, "ptcp:0:127.0.0.1", &REMOTE_SETTINGS_DEFAULT);
    assert(!error);
}

static void tear_down(struct daemon *daemon)
{
    remotes_free(daemon->remotes);
    net_free(daemon->net);
    databases_free(daemon->databases);
    server_free(daemon->server);
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
        handover_restore_databases(handover, &daemon);
        handover_offer_listeners(handover, daemon.net);
        handover_continue(handover, &daemon);
        run(&daemon, ends, n);
        handover_free(handover);
        tear_down(&daemon);
    }
    for (size_t i = 0; i < n; i++) {
        close(ends[i]);
    }
    return 0;
}
