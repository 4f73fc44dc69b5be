// SPDX-License-Identifier: Apache-2.0
#include "basic/buf.h"

#include <stdio.h>

void buf_done(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

void buf_grow(struct buf *buf, size_t extra)
{
    size_t capacity = MAX(buf->capacity * 2, buf->size + extra);

    assert(extra <= SIZE_MAX - buf->size);
    buf->capacity = MAX(capacity, (size_t)64);
    buf->data = xrealloc(buf->data, buf->capacity);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    int size;

    va_copy(again, args);
    size = vsnprintf(NULL, 0, format, args);
    assert(size >= 0); // fails only for a wrong format or more than INT_MAX bytes
    if (size > 0) {
        vsnprintf(buf_reserve(buf, (size_t)size + 1), (size_t)size + 1, format, again);
        buf->size += (size_t)size;
    }
    va_end(again);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

char *buf_cstr(struct buf *buf)
{
    *buf_reserve(buf, 1) = '\0';
    return buf->data;
}

char *buf_steal(struct buf *buf)
{
    char *s = buf_cstr(buf);

    *buf = (struct buf){0};
    return s;
}

void buf_consume(struct buf *buf, size_t n)
{
    assert(n <= buf->size);
    buf->size -= n;
    if (buf->size) {
        memmove(buf->data, buf->data + n, buf->size);
    }
}
