// SPDX-License-Identifier: Apache-2.0
#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_DISCARD 64 // reads before a close

static ssize_t plain_recv(struct stream *stream, void *data, size_t size)
{
    ssize_t n;

    do {
        n = recv(stream->fd, data, size, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static ssize_t plain_send(struct stream *stream, const struct iovec *iov, int n)
{
    struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};
    ssize_t sent;

    do {
        sent = sendmsg(stream->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

static bool plain_pending(const struct stream *stream)
{
    (void)stream;
    return false;
}

static const char *plain_error(const struct stream *stream, int error)
{
    (void)stream;
    return strerror(error);
}

void stream_close_socket(struct stream *stream)
{
    char unread[4096];

    if (stream->fd < 0) {
        return;
    }
    for (int i = 0; i < MAX_DISCARD && plain_recv(stream, unread, sizeof(unread)) > 0; i++) {
    }
    close(stream->fd);
    stream->fd = -1;
}

static const struct stream_ops plain_ops = {plain_recv, plain_send, plain_pending, plain_error,
                                            stream_close_socket};

void stream_init_plain(struct stream *stream, int fd)
{
    assert(fd >= 0);
    *stream = (struct stream){.ops = &plain_ops, .fd = fd};
}
