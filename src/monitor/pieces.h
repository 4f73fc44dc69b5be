// SPDX-License-Identifier: Apache-2.0
// Long text as a list of shared parts: made once, sent by reference to many. Parts are cut at any
// byte, so that neither their number nor their size is bounded by what a row or a table holds.
#pragma once

#include "basic/buf.h"
#include "basic/text.h"

#define PIECE_SIZE (256 * 1024) // about how long a part gets

// A zeroed struct is empty.
struct pieces {
    struct text **texts;
    size_t n;
    size_t capacity;
    size_t size;   // bytes in all
    size_t n_rows; // that they show; counted by who writes them
};

void pieces_done(struct pieces *pieces);
// Makes `ret`, which is empty, another list of the same parts.
void pieces_copy(struct pieces *ret, const struct pieces *pieces);
// Moves what is in `buf` to the end; `buf` is empty then and keeps its memory.
void pieces_take(struct pieces *pieces, struct buf *buf);
// Appends a copy of all parts.
void pieces_put(struct buf *buf, const struct pieces *pieces);
