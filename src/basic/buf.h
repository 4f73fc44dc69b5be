// SPDX-License-Identifier: Apache-2.0
// A growable byte buffer. JSON text is written into buffers, connections send from them.
// A zeroed struct is an empty buffer. The data has no terminating NUL unless buf_cstr() added one.
#pragma once

#include "basic/alloc.h"
#include "basic/slice.h"

#include <assert.h>

struct buf {
    char *data;
    size_t size; // <= capacity
    size_t capacity;
};

// Frees the data; the buffer is empty again.
void buf_done(struct buf *buf);
// Enlarges the capacity for at least `extra` more bytes. For buf_reserve(), which decides when.
void buf_grow(struct buf *buf, size_t extra);
// Appends formatted text.
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_FORMAT(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list args) PRINTF_FORMAT(2, 0);
// Adds a terminating NUL, which `size` does not count, and returns the data. `buf` still owns it.
char *buf_cstr(struct buf *buf);
// Adds a terminating NUL, passes the memory to the caller (who frees it) and leaves `buf` empty.
char *buf_steal(struct buf *buf);
// Removes the first `n` bytes, n <= size. O(size).
void buf_consume(struct buf *buf, size_t n);

// Empties the buffer but keeps its memory.
static inline void buf_clear(struct buf *buf)
{
    buf->size = 0;
}

// Makes room for `extra` more bytes and returns where the first of them goes. The caller writes up
// to `extra` bytes there and adds their number to `size`.
static inline char *buf_reserve(struct buf *buf, size_t extra)
{
    assert(buf->size <= buf->capacity);
    if (UNLIKELY(buf->capacity - buf->size < extra)) {
        buf_grow(buf, extra);
    }
    return buf->data + buf->size;
}

static inline void buf_put(struct buf *buf, const void *data, size_t size)
{
    if (size) {
        memcpy(buf_reserve(buf, size), data, size);
        buf->size += size;
    }
}

static inline void buf_putc(struct buf *buf, char c)
{
    *buf_reserve(buf, 1) = c;
    buf->size++;
}

static inline void buf_puts(struct buf *buf, const char *s)
{
    buf_put(buf, s, strlen(s));
}

static inline void buf_put_slice(struct buf *buf, struct slice s)
{
    buf_put(buf, s.data, s.size);
}

static inline struct slice buf_slice(const struct buf *buf)
{
    return (struct slice){buf->data, buf->size};
}

#define _cleanup_buf_ _cleanup_(buf_done)
