// SPDX-License-Identifier: Apache-2.0
// A byte stream over a non-blocking socket. What differs between plain sockets and encrypted ones
// is behind one table of functions.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct tls;

struct stream {
    const struct stream_ops *ops;
    int fd;          // -1: closed
    struct tls *tls; // NULL: plain, or closed
};

struct stream_ops {
    // Bytes received; 0: the end; -EAGAIN: none now; negative errno.
    ssize_t (*recv)(struct stream *stream, void *data, size_t size);
    // Bytes taken, possibly fewer than given; -EAGAIN: none now; negative errno. Never raises
    // SIGPIPE. After -EAGAIN the next call must begin with the same bytes.
    ssize_t (*send)(struct stream *stream, const struct iovec *iov, int n);
    // There is something to recv() that no EPOLL event will tell of.
    bool (*pending)(const struct stream *stream);
    // What went wrong, in words, when recv() or send() has returned -`error`. Valid until close().
    const char *(*error)(const struct stream *stream, int error);
    void (*close)(struct stream *stream);
};

// A plain socket. `fd` belongs to the stream from now on.
void stream_init_plain(struct stream *stream, int fd);
// The close of a plain stream, if it is not closed: unread input would make TCP send a reset, which
// can overtake output that is still on its way, so it is read first.
void stream_close_socket(struct stream *stream);
