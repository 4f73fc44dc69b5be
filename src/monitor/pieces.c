// SPDX-License-Identifier: Apache-2.0
#include "monitor/pieces.h"

#define PIECE_MAX ((size_t)1 << 30) // a text holds less than 4 GiB

void pieces_done(struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->n; i++) {
        text_unref(pieces->texts[i]);
    }
    free(pieces->texts);
    *pieces = (struct pieces){0};
}

void pieces_copy(struct pieces *ret, const struct pieces *pieces)
{
    ret->texts = NEW_ARRAY(struct text *, pieces->n + 1);
    ret->n = pieces->n;
    ret->capacity = pieces->n + 1;
    ret->size = pieces->size;
    ret->n_rows = pieces->n_rows;
    for (size_t i = 0; i < pieces->n; i++) {
        ret->texts[i] = text_ref(pieces->texts[i]);
    }
}

void pieces_take(struct pieces *pieces, struct buf *buf)
{
    for (size_t at = 0; at < buf->size;) {
        size_t size = MIN(buf->size - at, PIECE_MAX);

        GROW(pieces->texts, pieces->n, pieces->capacity);
        pieces->texts[pieces->n++] = text_new((struct slice){buf->data + at, size});
        at += size;
    }
    pieces->size += buf->size;
    buf_clear(buf);
}

void pieces_put(struct buf *buf, const struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->n; i++) {
        buf_put_slice(buf, text_slice(pieces->texts[i]));
    }
}
