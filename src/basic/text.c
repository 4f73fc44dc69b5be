// SPDX-License-Identifier: Apache-2.0
#include "basic/text.h"

#include <assert.h>

struct text *text_empty(void)
{
    static struct {
        struct text text;
        char terminator;
    } empty = {.text = {.refs = 1}};

    return text_ref(&empty.text);
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

void text_free(struct text *text)
{
    free(text);
}
