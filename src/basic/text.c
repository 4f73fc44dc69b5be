// SPDX-License-Identifier: Apache-2.0
#include "basic/text.h"

#include "basic/hash.h"
#include "basic/reclaim.h"

#include <assert.h>

static _Thread_local struct text
    *own_empty; // set between text_thread_begin() and text_thread_end()

struct text *text_empty(void)
{
    static struct text empty = {.refs = 1, .data = ""}; // a reference that is never released

    if (own_empty) {
        return text_ref(own_empty);
    }
    return text_ref(&empty);
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

// The item of a large text without references lies in its bytes.
static_assert(LARGE >= sizeof(struct reclaim_item), "a large text has room for an item");
static_assert(offsetof(struct text, data) % _Alignof(struct reclaim_item) == 0,
              "the item is aligned");

static struct reclaim_item *text_reclaim(struct reclaim_item *item, size_t *budget)
{
    struct text *text = (struct text *)((char *)item - offsetof(struct text, data));

    *budget -= MIN(*budget, text->size / 1024);
    free(text);
    return NULL;
}

void text_free(struct text *text)
{
    assert(!text->refs);
    if (text->size >= LARGE) {
        struct reclaim_item *item = (struct reclaim_item *)text->data;

        item->step = text_reclaim;
        reclaim_add(item);
    } else {
        free(text);
    }
}

// A cache of recent texts of at most SHARED_MAX bytes: one in each slot, the hash chooses the slot.
#define SHARED_SLOTS 1024
#define SHARED_MAX   32

static _Thread_local struct text *shared_texts[SHARED_SLOTS];

struct text *text_share(struct slice bytes)
{
    struct text **slot;

    if (!bytes.size || bytes.size > SHARED_MAX) {
        return text_new(bytes);
    }
    slot = &shared_texts[hash_name(bytes.data, bytes.size) % SHARED_SLOTS];
    if (!*slot || !slice_equals(text_slice(*slot), bytes)) {
        text_unref(*slot);
        *slot = text_new(bytes);
    }
    return text_ref(*slot);
}

void text_thread_begin(void)
{
    assert(!own_empty);
    own_empty = xcalloc(1, sizeof(*own_empty) + 1);
    own_empty->refs = 1;
}

void text_thread_end(void)
{
    assert(own_empty);
    text_unref(TAKE_PTR(own_empty));
    for (size_t i = 0; i < SHARED_SLOTS; i++) {
        text_unref(TAKE_PTR(shared_texts[i]));
    }
}
