// SPDX-License-Identifier: Apache-2.0
// Immutable, reference-counted strings, for the values of string atoms. The bytes are UTF-8 without
// NUL; a terminating NUL follows them. The reference counts are not atomic, so only the engine
// thread may take and release references. A helper thread may read a text to which the engine
// thread keeps a reference meanwhile. For texts that a helper thread creates see
// text_thread_begin().
#pragma once

#include "basic/alloc.h"
#include "basic/slice.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct text {
    uint32_t refs;
    uint32_t size;
    char data[];
};

// A reference to the empty text, which is never freed.
struct text *text_empty(void);
// Copies the bytes, fewer than UINT32_MAX, into a new text. Returns text_empty() for no bytes.
struct text *text_new(struct slice bytes);
// As text_new(), but returns another reference to a text with the same bytes if one was created
// recently. Saves memory for values that repeat, such as the keys of maps.
struct text *text_share(struct slice bytes);
// For text_unref(), when the last reference is released. Gives a large text to the reclaim queue,
// because freeing much memory at once takes long.
void text_free(struct text *text);
// A helper thread may create texts between these two calls. They share nothing with texts of other
// threads, not even text_empty(), so the helper thread can pass them all to the engine thread
// afterwards.
void text_thread_begin(void);
void text_thread_end(void);

static inline struct text *text_ref(struct text *text)
{
    assert(text->refs);
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
