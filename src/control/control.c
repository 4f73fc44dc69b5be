// SPDX-License-Identifier: Apache-2.0
// The control socket and its clients. A client that has ended is freed by a deferred event source,
// never from within its own callback.
#include "control/control.h"

#include "basic/log.h"
#include "control/client.h"
#include "control/dialect.h"
#include "net/acceptor.h"
#include "net/socket_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define LISTEN_QUEUE  16
#define MAX_CLIENTS   64
#define ACCEPT_BATCH  16
#define FLUSH_TIMEOUT (1 * USEC_PER_SEC) // for all clients together

LOG_MODULE(unixctl);

struct control {
    sd_event *event;
    struct command_registry *registry;
    const struct dialect *dialect; // of all clients; NULL: each client's first message decides
    struct acceptor acceptor;
    sd_event_source *reaper;
    struct socket_file file; // made here, or none
    struct list clients;     // the oldest first
    struct list ended;       // clients to be freed
    size_t n_clients;        // of both lists
};

static void on_ended(struct control_client *client, void *userdata)
{
    struct control *control = userdata;
    struct control_client_owner *owner = control_client_owner(client);

    list_remove(&owner->node);
    list_push_back(&control->ended, &owner->node);
    sd_event_source_set_enabled(control->reaper, SD_EVENT_ONESHOT);
}

static int on_reap(sd_event_source *source, void *userdata)
{
    struct control *control = userdata;

    while (!list_is_empty(&control->ended)) {
        assert(control->n_clients);
        control_client_free(control_client_of(control->ended.next));
        control->n_clients--;
    }
    acceptor_resume(&control->acceptor);
    return 0;
}

static void log_accept_failure(int error)
{
    static struct log_limit limit = LOG_LIMIT_INIT(6, 1);

    log_limited(&limit, LOG_LEVEL_WARN, "cannot accept a control connection: %s", strerror(error));
}

static void add_client(struct control *control, int fd)
{
    struct control_client_owner owner = {.ended = on_ended, .userdata = control};
    struct control_client *client;
    int r = control_client_new(control->event, control->registry, control->dialect, fd, &owner,
                               &client);

    if (r < 0) {
        log_accept_failure(-r);
        close(fd);
        return;
    }
    list_push_back(&control->clients, &control_client_owner(client)->node);
    control->n_clients++;
}

// Ends the oldest idle client, so that clients which only hold a connection do not exclude others.
static void end_idle_client(struct control *control)
{
    struct list *node = control->clients.next;

    while (node != &control->clients && !control_client_end_idle(control_client_of(node))) {
        node = node->next;
    }
}

static void on_accept(void *userdata)
{
    struct control *control = userdata;

    if (control->n_clients >= MAX_CLIENTS) {
        acceptor_suspend(&control->acceptor); // until a client is freed
        end_idle_client(control);
        return;
    }
    for (int i = 0; i < ACCEPT_BATCH && control->n_clients < MAX_CLIENTS; i++) {
        int fd = acceptor_take(&control->acceptor, NULL);

        if (fd >= 0) {
            add_client(control, fd);
        } else if (fd != -ECONNABORTED) {
            if (fd != -EAGAIN) {
                log_accept_failure(-fd);
            }
            return;
        }
    }
}

// Starts to accept clients on `fd`, which it takes over on success.
static int control_start(struct control *control, int fd)
{
    int r = sd_event_add_defer(control->event, &control->reaper, on_reap, control);

    if (r < 0) {
        return r;
    }
    sd_event_source_set_description(control->reaper, "control-reaper");
    sd_event_source_set_enabled(control->reaper, SD_EVENT_OFF);
    return acceptor_open(&control->acceptor, control->event, fd, "control-listener", on_accept,
                         control);
}

static struct control *control_alloc(sd_event *event, struct command_registry *registry)
{
    struct control *control = NEW(struct control);

    control->event = sd_event_ref(event);
    control->registry = registry;
    control->acceptor = ACCEPTOR_CLOSED;
    list_init(&control->clients);
    list_init(&control->ended);
    return control;
}

// Lets a group that can read the socket file connect to it, which needs write permission. A umask
// of 027 leaves it only read permission. This is safe, as commands that change something check the
// user of the client.
static void let_group_connect(const char *path)
{
    struct stat st;

    if (!stat(path, &st) && (st.st_mode & S_IRGRP)) {
        chmod(path, (st.st_mode & 07777) | S_IWGRP);
    }
}

struct failure *control_new(sd_event *event, struct command_registry *registry, const char *path,
                            struct control **ret)
{
    struct socket_file file = {0};
    struct failure *failure;
    struct control *control;
    int fd, r;

    failure = socket_file_listen(path, 0660, LISTEN_QUEUE, &file, &fd);
    if (failure) {
        return failure_prefix(failure, "control socket");
    }
    let_group_connect(path);
    control = control_alloc(event, registry);
    control->file = file;
    r = control_start(control, fd);
    if (r < 0) {
        control_free(control);
        close(fd);
        return failure_from_errno(r, "%s: cannot watch the control socket", path);
    }
    *ret = control;
    return NULL;
}

struct failure *control_new_from_fd(sd_event *event, struct command_registry *registry,
                                    enum control_kind kind, int fd, struct control **ret)
{
    struct control *control = control_alloc(event, registry);
    int flags = fcntl(fd, F_GETFL);
    int r;

    control->dialect = kind == CONTROL_METRICS ? &dialect_http : NULL;
    // accept() must never wait, but the socket may be a blocking one.
    r = flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ? -errno : control_start(control, fd);
    if (r < 0) {
        control_free(control);
        return failure_from_errno(r, "cannot watch the control socket passed");
    }
    *ret = control;
    return NULL;
}

static void free_clients(struct list *clients, usec_t end)
{
    while (!list_is_empty(clients)) {
        struct control_client *client = control_client_of(clients->next);

        control_client_flush(client, end);
        control_client_free(client);
    }
}

void control_free(struct control *control)
{
    usec_t end = clock_monotonic() + FLUSH_TIMEOUT;

    if (!control) {
        return;
    }
    free_clients(&control->clients, end);
    free_clients(&control->ended, end);
    assert(list_is_empty(&control->clients) && list_is_empty(&control->ended));
    sd_event_source_disable_unref(control->reaper);
    socket_file_remove(&control->file);
    acceptor_close(&control->acceptor);
    sd_event_unref(control->event);
    free(control);
}
