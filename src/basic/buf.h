// SPDX-License-Identifier: Apache-2.0
// A growable byte buffer: what the emitter writes into and the connections send from.
// A zeroed struct is an empty buffer. The data is not NUL-terminated unless buf_cstr() made it so.
#pragma once

#include "basic/alloc.h"
#include "basic/slice.h"

struct buf {
    char *data;
    size_t size;
    size_t capacity;
};

void buf_done(struct buf *buf);
void buf_grow(struct buf *buf, size_t extra);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_FORMAT(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list args) PRINTF_FORMAT(2, 0);
// NUL-terminates (the NUL is not counted in `size`) and returns the data, still owned by `buf`.
char *buf_cstr(struct buf *buf);
// NUL-terminates, hands the memory to the caller and leaves `buf` empty.
char *buf_steal(struct buf *buf);
// Drops the first `n` bytes. O(size).
void buf_consume(struct buf *buf, size_t n);

static inline void buf_clear(struct buf *buf)
{
    buf->size = 0;
}

// Room for `extra` more bytes; returns where the next byte goes. The caller adds to `size`.
static inline char *buf_reserve(struct buf *buf, size_t extra)
{
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
