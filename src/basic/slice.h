// SPDX-License-Identifier: Apache-2.0
// A slice is bytes that belong to somebody else: a pointer and a length, no terminator.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *data;
    size_t size;
};

// A slice of a string literal or of a NUL-terminated string.
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_EMPTY    ((struct slice){NULL, 0})
#define SLICE_FORMAT   "%.*s"
#define SLICE_ARGS(s)  (int)(s).size, (s).data

static inline struct slice slice_of(const char *s)
{
    return (struct slice){s, strlen(s)};
}

static inline bool slice_equals(struct slice a, struct slice b)
{
    return a.size == b.size && (!a.size || !memcmp(a.data, b.data, a.size));
}

// Takes the next word off `rest`, which any of the characters `separators` end; false: there is
// none.
static inline bool slice_next_word(struct slice *rest, const char *separators, struct slice *ret)
{
    while (rest->size && strchr(separators, rest->data[0])) {
        *rest = (struct slice){rest->data + 1, rest->size - 1};
    }
    *ret = (struct slice){rest->data, 0};
    while (ret->size < rest->size && !strchr(separators, rest->data[ret->size])) {
        ret->size++;
    }
    *rest = (struct slice){rest->data + ret->size, rest->size - ret->size};
    return ret->size > 0;
}

static inline bool slice_is(struct slice a, const char *s)
{
    return slice_equals(a, slice_of(s));
}

// Bytewise order, a prefix before what it begins.
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int cmp = size ? memcmp(a.data, b.data, size) : 0;

    return cmp ? cmp : (a.size > b.size) - (a.size < b.size);
}
