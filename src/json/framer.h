// SPDX-License-Identifier: Apache-2.0
// Finds where a JSON value ends in a byte stream that has no delimiters, and validates it on the
// way: grammar (RFC 8259), UTF-8, no \u0000, no lone surrogates, number syntax, nesting, size. Any
// split of the bytes into pieces gives the same result. What passed needs no further syntax check:
// the cursor relies on it (I-1).
#pragma once

#include "basic/buf.h"

#include <stdint.h>

#define FRAMER_MAX_DEPTH 1000 // arrays and objects within each other

enum framer_status {
    FRAMER_MORE,  // all bytes consumed, the value is not complete
    FRAMER_DONE,  // the value ends with the last byte consumed
    FRAMER_ERROR, // see framer_error(); final
};

// Fixed size, owns no memory.
struct framer {
    size_t max_size; // of one value, in bytes
    size_t offset;   // bytes of the current value seen so far, leading white space not counted
    const char *error;
    const char *literal; // the rest of true, false or null
    uint16_t hex;        // the \u escape being read
    uint16_t high_surrogate;
    uint16_t depth;
    uint8_t state;
    uint8_t hex_left;
    uint8_t utf8_left; // continuation bytes still to come, the next one within [utf8_min, utf8_max]
    uint8_t utf8_min;
    uint8_t utf8_max;
    bool in_object;                              // the innermost open container is an object
    bool in_name;                                // the string being read is a member's name
    uint64_t nesting[FRAMER_MAX_DEPTH / 64 + 1]; // a bit per open container, 1 = object
};

void framer_init(struct framer *framer, size_t max_size);

// Consumes from `data` up to the end of the current value; *ret_consumed (<= size) says how much.
// White space before a value is consumed without starting it: framer_is_idle() stays true.
// A number at top level ends only before the next byte that cannot belong to it, which is then not
// consumed. On FRAMER_ERROR `*ret_consumed` bytes were good and the next one is not. O(size).
enum framer_status framer_feed(struct framer *framer, const char *data, size_t size,
                               size_t *ret_consumed);
// True if no byte of a value has been seen since the last one ended.
bool framer_is_idle(const struct framer *framer);
// What is wrong, after FRAMER_ERROR, e.g. "invalid escape"; where: at framer->offset. Static.
const char *framer_error(const struct framer *framer);
// After FRAMER_ERROR: there is nothing wrong but that the value has more than max_size bytes.
bool framer_is_too_long(const struct framer *framer);

// Validates that `text` is exactly one value with optional white space around it. On success *ret
// is the value without the white space; on failure returns the error text, and its offset in
// *ret_offset (either may be NULL).
const char *framer_check(struct slice text, size_t max_size, struct slice *ret, size_t *ret_offset);
// Where the byte at `offset` of `text` stands: its line, and its column in characters, both counted
// from 1. O(offset).
void framer_position(struct slice text, size_t offset, size_t *ret_line, size_t *ret_column);
