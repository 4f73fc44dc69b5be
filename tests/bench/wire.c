// SPDX-License-Identifier: Apache-2.0
/*
 * One epoll loop over non-blocking sockets. A client refills its window when half of it is
 * answered, so that pipelined requests leave in batches and the generator stays cheaper than any
 * server.
 */
#include "wire.h"

#include "secure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SILENCE_MAX_MS (120 * 1000)

void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("bench-load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(EXIT_FAILURE);
}

void text_append(struct text *text, const char *format, ...)
{
    for (;;) {
        size_t room = text->size - text->length;
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(text->data ? text->data + text->length : NULL, room, format, args);
        va_end(args);
        if (n < 0) {
            die("cannot format a request");
        }
        if ((size_t)n < room) {
            text->length += n;
            return;
        }
        text->size = (text->size + n + 1) * 2;
        text->data = realloc(text->data, text->size);
        if (!text->data) {
            die("out of memory");
        }
    }
}

void text_done(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

/* Leaves p behind the end of a string that began before it, or at end. */
static const char *framer_skip_string(struct framer *framer, const char *p, const char *end)
{
    for (; p < end; p++) {
        if (framer->escaped) {
            framer->escaped = false;
        } else if (*p == '\\') {
            framer->escaped = true;
        } else if (*p == '"') {
            framer->in_string = false;
            return p + 1;
        }
    }
    return p;
}

uint64_t framer_feed(struct framer *framer, const char *data, size_t size)
{
    const char *p = data;
    const char *end = data + size;
    uint64_t n = 0;

    while (p < end) {
        if (framer->in_string) {
            p = framer_skip_string(framer, p, end);
            continue;
        }
        switch (*p++) {
        case '"':
            framer->in_string = true;
            break;
        case '{':
        case '[':
            framer->depth++;
            break;
        case '}':
        case ']':
            framer->depth--;
            n += framer->depth == 0;
            break;
        default:
            break;
        }
    }
    return n;
}

static int connect_one(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof address.sun_path) {
        die("%s: path too long for a socket", path);
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        die("%s: cannot connect: %s", path, strerror(errno));
    }
    return fd;
}

static void client_connect(struct client *client, const char *target)
{
    if (!strncmp(target, "ssl:", 4)) {
        client->session = secure_connect(target, &client->fd);
    } else {
        client->fd = connect_one(target);
    }
}

struct client *clients_connect(const char *target, size_t n)
{
    struct client *clients = calloc(n, sizeof *clients);

    if (!clients) {
        die("out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        client_connect(&clients[i], target);
        clients[i].number = i;
        clients[i].window = 1;
    }
    return clients;
}

void clients_free(struct client *clients, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (clients[i].session) {
            secure_free(clients[i].session);
        }
        close(clients[i].fd);
        free(clients[i].latencies);
        text_done(&clients[i].out);
    }
    free(clients);
}

uint64_t clock_ns(clockid_t clock)
{
    struct timespec time;

    if (clock_gettime(clock, &time) < 0) {
        die("cannot read the clock: %s", strerror(errno));
    }
    return time.tv_sec * UINT64_C(1000000000) + time.tv_nsec;
}

static bool client_is_finished(const struct client *client)
{
    return client->received >= client->quota && client->n_markers == 0;
}

static void client_refill(struct client *client)
{
    uint64_t open = client->sent > client->received ? client->sent - client->received : 0;

    if (client->out_position < client->out.length || open > client->window / 2) {
        return;
    }
    client->out.length = client->out_position = 0;
    while (client->sent < client->quota && open < client->window) {
        client->write(client, client->sent, &client->out);
        client->sent_at = clock_ns(CLOCK_MONOTONIC);
        client->sent++;
        open++;
    }
}

static void client_flush(struct client *client)
{
    while (client->out_position < client->out.length) {
        const char *data = client->out.data + client->out_position;
        size_t size = client->out.length - client->out_position;
        ssize_t n = client->session ? secure_send(client->session, data, size)
                                    : send(client->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n < 0) {
            die("client %u: cannot send: %s", client->number, strerror(errno));
        }
        client->out_position += n;
    }
}

/* Looks for needle in data, the overlap with earlier bytes included. */
static uint64_t count_text(const char *data, size_t size, const char *needle)
{
    size_t length = strlen(needle);
    uint64_t n = 0;

    while (size >= length) {
        const char *found = memmem(data, size, needle, length);
        if (!found) {
            break;
        }
        n++;
        size -= found + length - data;
        data = found + length;
    }
    return n;
}

static void client_take(struct client *client, char *buffer, size_t old, size_t size)
{
    static const char error[] = "\"error\":\"";
    const char *found = memmem(buffer, old + size, error, sizeof error - 1);
    size_t keep = sizeof error - 2;
    uint64_t n_values;

    if (found) {
        size_t rest = buffer + old + size - found;
        die("client %u: the server answered %.*s", client->number, rest < 200 ? (int)rest : 200,
            found);
    }
    if (client->marker) {
        uint64_t n = count_text(buffer, old + size, client->marker);
        client->n_markers -= n < client->n_markers ? n : client->n_markers;
        keep = strlen(client->marker) - 1;
    }
    n_values = framer_feed(&client->framer, buffer + old, size);
    if (client->latencies && n_values && client->received < client->quota) {
        client->latencies[client->received] = clock_ns(CLOCK_MONOTONIC) - client->sent_at;
    }
    client->received += n_values;
    client->n_bytes += size;
    client->tail_length = keep < old + size ? keep : old + size;
    memcpy(client->tail, buffer + old + size - client->tail_length, client->tail_length);
}

/* Takes what one call gives; false: there was nothing. */
static bool client_read_once(struct client *client)
{
    static char buffer[sizeof client->tail + (256 << 10)];
    size_t old = client->tail_length;
    ssize_t n;

    memcpy(buffer, client->tail, old);
    n = client->session ? secure_recv(client->session, buffer + old, sizeof buffer - old)
                        : recv(client->fd, buffer + old, sizeof buffer - old, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) {
        return false;
    }
    if (n <= 0) {
        die("client %u: the server closed the connection: %s", client->number,
            n < 0 ? strerror(errno) : "end of file");
    }
    client_take(client, buffer, old, n);
    return true;
}

/* What is left in a TLS session, no socket tells of: the next wait would. */
static void client_read(struct client *client)
{
    while (client_read_once(client) && client->session) {
    }
}

static void client_set_interest(struct client *client, int epoll_fd)
{
    uint32_t want = EPOLLIN | (client->out_position < client->out.length ? EPOLLOUT : 0);
    struct epoll_event event = {.events = want, .data.ptr = client};

    if (want == client->interest) {
        return;
    }
    if (epoll_ctl(epoll_fd, client->interest ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, client->fd, &event) <
        0) {
        die("epoll_ctl: %s", strerror(errno));
    }
    client->interest = want;
}

static void client_step(struct client *client, int epoll_fd)
{
    client_refill(client);
    client_flush(client);
    client_set_interest(client, epoll_fd);
}

void clients_run(struct client *clients, size_t n)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    size_t n_open = 0;

    for (size_t i = 0; i < n; i++) {
        clients[i].interest = 0;
        n_open += !client_is_finished(&clients[i]);
        client_step(&clients[i], epoll_fd);
    }
    while (n_open > 0) {
        struct epoll_event events[256];
        int n_events = epoll_wait(epoll_fd, events, 256, SILENCE_MAX_MS);

        if (n_events == 0) {
            die("the server is silent");
        }
        for (int i = 0; i < n_events; i++) {
            struct client *client = events[i].data.ptr;
            bool finished = client_is_finished(client);

            if (events[i].events & ~EPOLLOUT) {
                client_read(client);
            }
            client_step(client, epoll_fd);
            n_open -= !finished && client_is_finished(client);
        }
    }
    close(epoll_fd);
}
