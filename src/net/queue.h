// SPDX-License-Identifier: Apache-2.0
// Bytes on their way out, first in, first out: copies gathered in chunks, and references to texts
// that many connections send. A position is how many bytes were put before, since the beginning.
#pragma once

#include "basic/buf.h"
#include "basic/text.h"

#include <sys/uio.h>

struct piece;

struct queue {
    struct piece *first;
    struct piece *last;
    size_t size;   // bytes in it
    uint64_t head; // position of the first of them
};

void queue_done(struct queue *queue);
void queue_put(struct queue *queue, struct slice bytes);
// Takes a reference of its own.
void queue_put_shared(struct queue *queue, struct text *text);
// Describes the first bytes, at most `limit` of them and `n_max` pieces; returns the number of
// pieces.
int queue_peek(const struct queue *queue, size_t limit, struct iovec *iov, int n_max);
void queue_copy(const struct queue *queue, struct buf *buf); // appends all bytes
void queue_drop(struct queue *queue, size_t n);              // the first `n` bytes

static inline uint64_t queue_tail(const struct queue *queue)
{
    return queue->head + queue->size;
}
