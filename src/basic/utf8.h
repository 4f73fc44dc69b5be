// SPDX-License-Identifier: Apache-2.0
// Characters of UTF-8 text. The text must be valid, as all strings of the database are.
#pragma once

#include "basic/slice.h"

// True if `c` is a byte within a character of several bytes, but not the first one.
static inline bool utf8_is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

// The number of characters (code points) in `s`. O(size).
static inline size_t utf8_count(struct slice s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.size; i++) {
        n += !utf8_is_continuation(s.data[i]);
    }
    return n;
}

// The size of the longest prefix of `s` that has at most `max` bytes and does not end within a
// character.
static inline size_t utf8_cut(struct slice s, size_t max)
{
    size_t size = s.size;

    if (size > max) {
        for (size = max; size && utf8_is_continuation(s.data[size]); size--) {
        }
    }
    return size;
}
