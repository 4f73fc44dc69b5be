// SPDX-License-Identifier: Apache-2.0
// Immutable, reference-counted strings: what a string atom holds. UTF-8, never with a NUL inside;
// a terminating NUL follows the bytes. References are counted without atomics: engine thread only.
// A helper thread may read texts that the engine thread keeps alive for it.
#pragma once

#include "basic/alloc.h"
#include "basic/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct text {
    uint32_t refs;
    uint32_t size;
    char data[];
};

// The empty text; static, may be referenced and unreferenced like any other.
struct text *text_empty(void);
// A copy of the bytes, which must be fewer than 4 GiB.
struct text *text_new(struct slice bytes);
// The same, or another reference to a recent text with these bytes: for values of which many repeat
// (roles, keys of maps), so that they take memory once.
struct text *text_share(struct slice bytes);
void text_free(struct text *text);
// From now on (or no longer) this thread's large texts that nobody holds any more are kept, because
// giving much memory back takes long; texts_free_some() frees about `size` bytes of them. True:
// more are left.
void texts_keep_dead(bool on);
bool texts_free_some(size_t size);
// Counts are not atomic. Texts made by another thread than the engine's between these two share
// nothing with those of other threads; afterwards they may be handed over as a whole.
void text_thread_begin(void);
void text_thread_end(void);

static inline struct text *text_ref(struct text *text)
{
    text->refs++;
    return text;
}

static inline void text_unref(struct text *text)
{
    if (text && !--text->refs) {
        text_free(text);
    }
}

static inline struct slice text_slice(const struct text *text)
{
    return (struct slice){text->data, text->size};
}
