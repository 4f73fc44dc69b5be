// SPDX-License-Identifier: Apache-2.0
// The listening control socket and its clients. A client that ended is freed by a deferred source,
// never from within its own callback.
#include "control/control.h"

#include "basic/log.h"
#include "control/client.h"
#include "net/socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define LISTEN_QUEUE  16
#define MAX_CLIENTS   64
#define ACCEPT_BATCH  16
#define ACCEPT_PAUSE  (USEC_PER_SEC / 2) // when there are no descriptors left
#define FLUSH_TIMEOUT (1 * USEC_PER_SEC) // for all clients together

LOG_MODULE(unixctl);

struct control {
    sd_event *event;
    struct command_registry *registry;
    enum control_kind kind;
    sd_event_source *listener;
    sd_event_source *reaper;
    sd_event_source *pause; // its end
    int fd;
    struct socket_file file; // made here
    struct list clients;
    struct list ended;
    size_t n_clients;
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
        control_client_free(control_client_of(control->ended.next));
        control->n_clients--;
    }
    sd_event_source_set_enabled(control->listener, SD_EVENT_ON);
    return 0;
}

static int accept_one(struct control *control)
{
    struct control_client_owner owner = {.ended = on_ended, .userdata = control};
    _cleanup_close_ int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct control_client *client;
    int r;

    if (fd < 0) {
        return -errno;
    }
    r = control_client_new(control->event, control->registry, control->kind, fd, &owner, &client);
    if (r < 0) {
        return r;
    }
    (void)TAKE_FD(fd);
    list_push_back(&control->clients, &control_client_owner(client)->node);
    control->n_clients++;
    return 0;
}

static int on_pause_over(sd_event_source *source, usec_t when, void *userdata)
{
    struct control *control = userdata;

    return sd_event_source_set_enabled(control->listener, SD_EVENT_ON);
}

// Who waits to be accepted stays in the kernel's queue, and would wake the loop over and over.
static void pause_accepting(struct control *control)
{
    sd_event_source_set_enabled(control->listener, SD_EVENT_OFF);
    sd_event_source_set_time_relative(control->pause, ACCEPT_PAUSE);
    sd_event_source_set_enabled(control->pause, SD_EVENT_ONESHOT);
}

// Clients that keep a connection for nothing do not keep others out. The oldest goes.
static void make_room(struct control *control)
{
    struct list *node = control->clients.next;

    while (node != &control->clients && !control_client_end_idle(control_client_of(node))) {
        node = node->next;
    }
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    static struct log_limit limit = LOG_LIMIT_INIT(6, 1);
    struct control *control = userdata;

    if (control->n_clients >= MAX_CLIENTS) {
        sd_event_source_set_enabled(source, SD_EVENT_OFF); // the reaper turns it on again
        make_room(control);
        return 0;
    }
    for (int i = 0; i < ACCEPT_BATCH && control->n_clients < MAX_CLIENTS; i++) {
        int r = accept_one(control);

        if (r == -EAGAIN) {
            return 0;
        }
        if (r < 0) {
            log_limited(&limit, LOG_LEVEL_WARN, "accepting a control connection failed: %s",
                        strerror(-r));
            pause_accepting(control);
            return 0;
        }
    }
    return 0;
}

static int add_sources(struct control *control)
{
    int r = sd_event_add_io(control->event, &control->listener, control->fd, EPOLLIN, on_accept,
                            control);

    if (r >= 0) {
        r = sd_event_add_defer(control->event, &control->reaper, on_reap, control);
    }
    if (r >= 0) {
        r = sd_event_add_time(control->event, &control->pause, CLOCK_MONOTONIC, USEC_INFINITY, 0,
                              on_pause_over, control);
    }
    if (r < 0) {
        return r;
    }
    sd_event_source_set_description(control->listener, "control-listener");
    sd_event_source_set_description(control->reaper, "control-reaper");
    sd_event_source_set_description(control->pause, "control-pause");
    sd_event_source_set_enabled(control->pause, SD_EVENT_OFF);
    return sd_event_source_set_enabled(control->reaper, SD_EVENT_OFF);
}

static struct control *control_alloc(sd_event *event, struct command_registry *registry, int fd)
{
    struct control *control = NEW(struct control);

    control->event = sd_event_ref(event);
    control->registry = registry;
    control->fd = fd;
    list_init(&control->clients);
    list_init(&control->ended);
    return control;
}

// A group that may read may connect, which takes write permission: a umask of 027 leaves the first
// only. Commands that change something ask who the client is.
static void let_group_connect(const char *path)
{
    struct stat st;

    if (!stat(path, &st) && (st.st_mode & S_IRGRP)) {
        chmod(path, (st.st_mode & 07777) | S_IWGRP);
    }
}

int control_new(sd_event *event, struct command_registry *registry, const char *path,
                struct control **ret, char **ret_error)
{
    struct socket_file file = {0};
    _cleanup_free_ char *error = NULL;
    int fd = socket_file_listen(path, 0660, LISTEN_QUEUE, &file, &error);
    struct control *control;
    int r;

    if (fd < 0) {
        *ret_error = xasprintf("control socket: %s", error);
        return fd;
    }
    let_group_connect(path);
    control = control_alloc(event, registry, fd);
    control->file = file;
    r = add_sources(control);
    if (r < 0) {
        *ret_error = xasprintf("%s: cannot watch the control socket: %s", path, strerror(-r));
        control_free(control);
        return r;
    }
    *ret = control;
    return 0;
}

int control_new_from_fd(sd_event *event, struct command_registry *registry, enum control_kind kind,
                        int fd, struct control **ret, char **ret_error)
{
    struct control *control = control_alloc(event, registry, fd);
    int flags = fcntl(fd, F_GETFL);
    // Who made it may have left it blocking, and accept() must never wait.
    int r;

    control->kind = kind;
    r = flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ? -errno : add_sources(control);

    if (r < 0) {
        *ret_error = xasprintf("cannot watch the control socket passed: %s", strerror(-r));
        control->fd = -1;
        control_free(control);
        return r;
    }
    *ret = control;
    return 0;
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
    sd_event_source_unref(control->listener);
    sd_event_source_unref(control->reaper);
    sd_event_source_unref(control->pause);
    socket_file_remove(&control->file);
    if (control->fd >= 0) {
        close(control->fd);
    }
    sd_event_unref(control->event);
    free(control);
}
