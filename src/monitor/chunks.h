// SPDX-License-Identifier: Apache-2.0
// Long text as a list of shared parts: made once, sent by reference to many. Parts are cut at any
// byte, so that neither their number nor their size is bounded by what a row or a table holds.
#pragma once

#include "basic/buf.h"
#include "basic/text.h"

#define CHUNK_SIZE (256 * 1024) // about how long a part gets

// A zeroed struct is empty.
struct chunks {
    struct text **texts;
    size_t n;
    size_t capacity;
    size_t size;   // bytes in all
    size_t n_rows; // that they show; counted by who writes them
};

void chunks_done(struct chunks *chunks);
// Makes `ret`, which is empty, another list of the same parts.
void chunks_copy(struct chunks *ret, const struct chunks *chunks);
// Moves what is in `buf` to the end; `buf` is empty then and keeps its memory.
void chunks_take(struct chunks *chunks, struct buf *buf);
// Appends a copy of all parts.
void chunks_put(struct buf *buf, const struct chunks *chunks);
