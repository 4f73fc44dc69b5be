// SPDX-License-Identifier: Apache-2.0
// A byte stream over a non-blocking socket, plain or with TLS. The two differ in their table of
// functions.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct tls;

struct stream {
    const struct stream_ops *ops;
    int fd;          // -1: closed
    struct tls *tls; // NULL: a plain stream, or closed
};

struct stream_ops {
    // Returns the number of bytes received; 0 at the end of the stream; -EAGAIN if there are none
    // now; another negative errno.
    ssize_t (*recv)(struct stream *stream, void *data, size_t size);
    // Returns the number of bytes accepted, possibly fewer than given; -EAGAIN if none can be
    // accepted now; another negative errno. Never raises SIGPIPE. After -EAGAIN the next call must
    // begin with the same bytes.
    ssize_t (*send)(struct stream *stream, const struct iovec *iov, int n);
    // Returns true if recv() would return something that no epoll event reports.
    bool (*pending)(const struct stream *stream);
    // Describes the error after recv() or send() has returned -`error`. Valid until close().
    const char *(*error)(const struct stream *stream, int error);
    void (*close)(struct stream *stream);
};

// Makes a plain stream, which takes over `fd`.
void stream_init_plain(struct stream *stream, int fd);
// Closes the socket of a stream; no effect if it is closed. Reads unread input first, because TCP
// would otherwise send a reset, which can overtake output that is still in transit.
void stream_close_socket(struct stream *stream);
