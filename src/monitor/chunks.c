// SPDX-License-Identifier: Apache-2.0
#include "monitor/chunks.h"

#include <assert.h>

#define PART_MAX ((size_t)1 << 30) // bytes

static_assert(PART_MAX <= UINT32_MAX, "a part fits into a struct text");
static_assert(CHUNK_SIZE <= PART_MAX, "what is usually taken at once is one part");

void chunks_done(struct chunks *chunks)
{
    for (size_t i = 0; i < chunks->n; i++) {
        text_unref(chunks->texts[i]);
    }
    free(chunks->texts);
    *chunks = (struct chunks){0};
}

void chunks_copy(struct chunks *ret, const struct chunks *chunks)
{
    assert(!ret->n && !ret->texts);
    ret->texts = NEW_ARRAY(struct text *, chunks->n + 1);
    ret->n = chunks->n;
    ret->capacity = chunks->n + 1;
    ret->size = chunks->size;
    ret->n_rows = chunks->n_rows;
    for (size_t i = 0; i < chunks->n; i++) {
        ret->texts[i] = text_ref(chunks->texts[i]);
    }
}

void chunks_take(struct chunks *chunks, struct buf *buf)
{
    for (size_t at = 0; at < buf->size;) {
        size_t size = MIN(buf->size - at, PART_MAX);

        GROW(chunks->texts, chunks->n, chunks->capacity);
        chunks->texts[chunks->n++] = text_new((struct slice){buf->data + at, size});
        at += size;
    }
    chunks->size += buf->size;
    buf_clear(buf);
}

void chunks_put(struct buf *buf, const struct chunks *chunks)
{
    for (size_t i = 0; i < chunks->n; i++) {
        buf_put_slice(buf, text_slice(chunks->texts[i]));
    }
}
