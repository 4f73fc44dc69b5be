// SPDX-License-Identifier: Apache-2.0
// A byte queue for output. It holds copies of bytes, gathered in chunks, and references to shared
// texts that several connections send. A position is the number of bytes put before it since the
// queue was made.
#pragma once

#include "basic/buf.h"
#include "basic/text.h"

#include <sys/uio.h>

struct piece;

struct queue {
    struct piece *first;
    struct piece *last;
    size_t size;   // bytes in it
    uint64_t head; // position of the first byte
};

void queue_done(struct queue *queue);
void queue_put(struct queue *queue, struct slice bytes);
// Puts the text without a copy. Takes a reference of its own.
void queue_put_shared(struct queue *queue, struct text *text);
// Stores the first bytes in `iov`, at most `limit` bytes in `n_max` elements. Returns the number of
// elements. They are valid until the queue changes.
int queue_peek(const struct queue *queue, size_t limit, struct iovec *iov, int n_max);
void queue_copy(const struct queue *queue, struct buf *buf); // appends all bytes
void queue_drop(struct queue *queue, size_t n); // drops the first `n` bytes; there are as many
                                                // (asserted)

static inline uint64_t queue_tail(const struct queue *queue)
{
    return queue->head + queue->size;
}
