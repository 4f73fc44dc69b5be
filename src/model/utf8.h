// SPDX-License-Identifier: Apache-2.0
// Characters of valid UTF-8, which is what every string here is.
#pragma once

#include "basic/slice.h"

static inline bool utf8_is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

// How many characters (code points) `s` has. O(size).
static inline size_t utf8_count(struct slice s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.size; i++) {
        n += !utf8_is_continuation(s.data[i]);
    }
    return n;
}

// The size of the longest beginning of `s` that has at most `max` bytes and ends between
// characters.
static inline size_t utf8_cut(struct slice s, size_t max)
{
    size_t size = s.size;

    if (size > max) {
        for (size = max; size && utf8_is_continuation(s.data[size]); size--) {
        }
    }
    return size;
}
