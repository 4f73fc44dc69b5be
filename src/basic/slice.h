// SPDX-License-Identifier: Apache-2.0
// A slice refers to bytes that something else owns: a pointer and a length, no terminating NUL.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *data;
    size_t size;
};

// SLICE() makes a slice of a string literal, slice_of() of any string.
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

// Removes the next word from the beginning of `rest` and returns it in *ret. Any characters of
// `separators` separate words. Returns false if there is no word left; *ret is empty then.
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

// True if the slice has the same bytes as the string.
static inline bool slice_is(struct slice a, const char *s)
{
    return slice_equals(a, slice_of(s));
}

// Compares byte by byte; a prefix is less than a longer slice.
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int cmp = size ? memcmp(a.data, b.data, size) : 0;

    return cmp ? cmp : (a.size > b.size) - (a.size < b.size);
}
