// SPDX-License-Identifier: Apache-2.0
#include "net/acceptor.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>

#define SHORTAGE_PAUSE (USEC_PER_SEC / 2) // when descriptors or memory are short

static int on_acceptor_ready(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct acceptor *acceptor = userdata;

    acceptor->ready(acceptor->userdata);
    return 0;
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata)
{
    acceptor_resume(userdata);
    return 0;
}

int acceptor_open(struct acceptor *acceptor, sd_event *event, int fd, const char *description,
                  void (*ready)(void *userdata), void *userdata)
{
    int r;

    assert(acceptor->fd < 0 && !acceptor->source && fd >= 0);
    r = sd_event_add_io(event, &acceptor->source, fd, EPOLLIN, on_acceptor_ready, acceptor);
    if (r >= 0) {
        r = sd_event_add_time(event, &acceptor->resume, CLOCK_MONOTONIC, USEC_INFINITY,
                              USEC_PER_MSEC, on_pause_over, acceptor);
    }
    if (r < 0) {
        acceptor_close(acceptor);
        return r;
    }
    sd_event_source_set_priority(acceptor->source, SD_EVENT_PRIORITY_NORMAL);
    sd_event_source_set_description(acceptor->source, description);
    sd_event_source_set_description(acceptor->resume, "accept pause");
    sd_event_source_set_enabled(acceptor->resume, SD_EVENT_OFF);
    acceptor->fd = fd;
    acceptor->ready = ready;
    acceptor->userdata = userdata;
    return 0;
}

int acceptor_take(struct acceptor *acceptor, struct endpoint *ret_peer)
{
    struct endpoint peer = {.size = sizeof(peer.storage)};
    int fd;

    assert(acceptor->fd >= 0);
    fd = accept4(acceptor->fd, &peer.sa, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        if (ret_peer) {
            *ret_peer = peer;
        }
        return fd;
    }
    switch (errno) {
    case EAGAIN:
        return -EAGAIN;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: {
        int error = errno;

        acceptor_pause(acceptor, SHORTAGE_PAUSE);
        return -error;
    }
    default:
        return -ECONNABORTED;
    }
}

void acceptor_pause(struct acceptor *acceptor, usec_t duration)
{
    assert(acceptor->fd >= 0);
    acceptor_suspend(acceptor);
    sd_event_source_set_time_relative(acceptor->resume, duration);
    sd_event_source_set_enabled(acceptor->resume, SD_EVENT_ONESHOT);
}

void acceptor_suspend(struct acceptor *acceptor)
{
    if (acceptor->source) {
        sd_event_source_set_enabled(acceptor->source, SD_EVENT_OFF);
    }
}

void acceptor_resume(struct acceptor *acceptor)
{
    if (acceptor->source) {
        sd_event_source_set_enabled(acceptor->source, SD_EVENT_ON);
    }
}

void acceptor_close(struct acceptor *acceptor)
{
    acceptor->source = sd_event_source_disable_unref(acceptor->source);
    acceptor->resume = sd_event_source_disable_unref(acceptor->resume);
    if (acceptor->fd >= 0) {
        close(TAKE_FD(acceptor->fd));
    }
}
