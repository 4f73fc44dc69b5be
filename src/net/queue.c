// SPDX-License-Identifier: Apache-2.0
#include "net/queue.h"

#include <assert.h>

#define CHUNK_MIN  1024 // with its header
#define CHUNK_MAX  (64 * 1024)
#define SHARED_MIN 512 // a shorter shared text costs less to copy than to refer to

struct piece {
    struct piece *next;
    struct text *shared; // NULL: the bytes are in `bytes` (a chunk)
    size_t start;        // of the bytes that are not dropped
    size_t end;
    size_t capacity; // of `bytes`; 0 for a shared text
    char bytes[];
};

static const char *piece_data(const struct piece *piece)
{
    return piece->shared ? piece->shared->data : piece->bytes;
}

static void piece_free(struct piece *piece)
{
    text_unref(piece->shared);
    free(piece);
}

static struct piece *add_piece(struct queue *queue, size_t capacity)
{
    struct piece *piece = xmalloc(sizeof(*piece) + capacity);

    *piece = (struct piece){.capacity = capacity};
    if (queue->last) {
        queue->last->next = piece;
    } else {
        queue->first = piece;
    }
    queue->last = piece;
    return piece;
}

static void drop_first(struct queue *queue)
{
    struct piece *piece = queue->first;

    queue->first = piece->next;
    if (!queue->first) {
        queue->last = NULL;
    }
    piece_free(piece);
}

void queue_done(struct queue *queue)
{
    while (queue->first) {
        drop_first(queue);
    }
    assert(!queue->last);
    *queue = (struct queue){.head = queue_tail(queue)};
}

// Appends as many of the bytes as fit into the last chunk. Returns how many.
static size_t fill_last(struct queue *queue, struct slice bytes)
{
    struct piece *piece = queue->last;
    size_t n;

    if (!piece || piece->end >= piece->capacity) {
        return 0;
    }
    n = MIN(bytes.size, piece->capacity - piece->end);
    memcpy(piece->bytes + piece->end, bytes.data, n);
    piece->end += n;
    queue->size += n;
    return n;
}

void queue_put(struct queue *queue, struct slice bytes)
{
    size_t done = fill_last(queue, bytes);
    struct slice rest = {bytes.data + done, bytes.size - done};

    if (rest.size) {
        size_t chunk = MIN((size_t)CHUNK_MAX, MAX((size_t)CHUNK_MIN, queue->size));

        add_piece(queue, MAX(rest.size, chunk - sizeof(struct piece)));
        fill_last(queue, rest);
    }
}

void queue_put_shared(struct queue *queue, struct text *text)
{
    struct piece *piece;

    if (text->size < SHARED_MIN) {
        queue_put(queue, text_slice(text));
        return;
    }
    piece = add_piece(queue, 0);
    piece->shared = text_ref(text);
    piece->end = text->size;
    queue->size += text->size;
}

int queue_peek(const struct queue *queue, size_t limit, struct iovec *iov, int n_max)
{
    int n = 0;

    for (const struct piece *piece = queue->first; piece && limit && n < n_max;
         piece = piece->next) {
        size_t size = MIN(limit, piece->end - piece->start);

        iov[n++] = (struct iovec){(void *)(uintptr_t)(piece_data(piece) + piece->start), size};
        limit -= size;
    }
    return n;
}

void queue_copy(const struct queue *queue, struct buf *buf)
{
    for (const struct piece *piece = queue->first; piece; piece = piece->next) {
        buf_put(buf, piece_data(piece) + piece->start, piece->end - piece->start);
    }
}

void queue_drop(struct queue *queue, size_t n)
{
    assert(n <= queue->size);
    queue->size -= n;
    queue->head += n;
    while (n) {
        struct piece *piece = queue->first;
        size_t size = MIN(n, piece->end - piece->start);

        piece->start += size;
        n -= size;
        if (piece->start == piece->end) {
            drop_first(queue);
        }
    }
}
