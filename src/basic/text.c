// SPDX-License-Identifier: Apache-2.0
#include "basic/text.h"

#include "basic/hash.h"

#include <assert.h>

static _Thread_local struct text *own_empty; // between text_thread_begin() and its end

struct text *text_empty(void)
{
    static _Alignas(struct text) char memory[sizeof(struct text) + 1]; // and the terminator
    struct text *empty = (struct text *)memory;

    if (own_empty) {
        return text_ref(own_empty);
    }
    if (!empty->refs) {
        empty->refs = 1; // ours: it is never freed
    }
    return text_ref(empty);
}

struct text *text_new(struct slice bytes)
{
    struct text *text;

    if (!bytes.size) {
        return text_empty();
    }
    assert(bytes.size < UINT32_MAX);
    text = xmalloc(sizeof(*text) + bytes.size + 1);
    text->refs = 1;
    text->size = (uint32_t)bytes.size;
    memcpy(text->data, bytes.data, bytes.size);
    text->data[bytes.size] = '\0';
    return text;
}

#define LARGE 65536 // bytes

static _Thread_local bool keeps_dead;
static _Thread_local struct text *dead; // each with the address of the next in its bytes

void text_free(struct text *text)
{
    if (keeps_dead && text->size >= LARGE) {
        memcpy(text->data, &dead, sizeof(dead));
        dead = text;
    } else {
        free(text);
    }
}

void texts_keep_dead(bool on)
{
    keeps_dead = on;
}

bool texts_free_some(size_t size)
{
    while (dead && size) {
        struct text *text = dead;

        memcpy(&dead, text->data, sizeof(dead));
        size -= MIN(size, text->size);
        free(text);
    }
    return dead != NULL;
}

// The texts made last, by hash; a text that repeats finds itself here before it is evicted.
#define SHARED_SLOTS 1024
#define SHARED_MAX   32

static _Thread_local struct text *slots[SHARED_SLOTS];

struct text *text_share(struct slice bytes)
{
    struct text **slot;

    if (!bytes.size || bytes.size > SHARED_MAX) {
        return text_new(bytes);
    }
    slot = &slots[hash_bytes(bytes.data, bytes.size, 0) % SHARED_SLOTS];
    if (!*slot || !slice_equals(text_slice(*slot), bytes)) {
        text_unref(*slot);
        *slot = text_new(bytes);
    }
    return text_ref(*slot);
}

void text_thread_begin(void)
{
    own_empty = xcalloc(1, sizeof(*own_empty) + 1);
    own_empty->refs = 1;
}

void text_thread_end(void)
{
    text_unref(TAKE_PTR(own_empty));
    for (size_t i = 0; i < SHARED_SLOTS; i++) {
        text_unref(TAKE_PTR(slots[i]));
    }
}
