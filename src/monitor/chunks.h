// SPDX-License-Identifier: Apache-2.0
// A long text as a list of reference-counted parts, so that many clients can be sent the same text
// without a copy. A part may end at any byte.
#pragma once

#include "basic/buf.h"
#include "basic/text.h"

#define CHUNK_SIZE (256 * 1024) // about how long a part gets

// A zeroed struct is empty.
struct chunks {
    struct text **texts;
    size_t n;
    size_t capacity;
    size_t size;   // bytes of all parts
    size_t n_rows; // rows that the text shows, counted by struct updates
};

void chunks_done(struct chunks *chunks);
// Makes `ret`, which must be empty, a second list of the same parts.
void chunks_copy(struct chunks *ret, const struct chunks *chunks);
// Appends the contents of `buf` and empties `buf`, which keeps its memory.
void chunks_take(struct chunks *chunks, struct buf *buf);
// Appends a copy of all parts to `buf`.
void chunks_put(struct buf *buf, const struct chunks *chunks);
