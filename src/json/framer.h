// SPDX-License-Identifier: Apache-2.0
// Finds the end of each JSON value in a byte stream that has no delimiters, and validates the
// value: grammar (RFC 8259), UTF-8, no \u0000, no lone surrogates, number syntax, nesting, size.
// The result does not depend on how the stream is split into pieces. No other code checks the
// syntax of a value that the framer has passed (I-1).
#pragma once

#include "basic/buf.h"

#include <stdint.h>

#define FRAMER_MAX_DEPTH 1000 // nested arrays and objects

enum framer_status {
    FRAMER_MORE,  // all bytes are consumed and the value is not complete
    FRAMER_DONE,  // the value ends with the last byte consumed
    FRAMER_ERROR, // see framer_error(); all further calls return this
};

// Fixed size, owns no memory.
struct framer {
    size_t max_size; // of one value, in bytes
    size_t offset;   // bytes of the current value seen so far, without leading white space
    const char *error;
    const char *literal;     // the rest of the literal being read: true, false or null
    uint16_t hex;            // the digits so far of the \u escape being read
    uint16_t high_surrogate; // its low surrogate must follow; 0 if there is none
    uint16_t depth;
    uint8_t state;     // enum state, see framer.c
    uint8_t hex_left;  // digits of the \u escape still to come
    uint8_t utf8_left; // continuation bytes still to come, the next one within [utf8_min, utf8_max]
    uint8_t utf8_min;
    uint8_t utf8_max;
    bool in_object;                              // the innermost open container is an object
    bool in_name;                                // the string being read is a member name
    uint64_t nesting[FRAMER_MAX_DEPTH / 64 + 1]; // a bit for each open container: 1 if an object
};

void framer_init(struct framer *framer, size_t max_size);

// Reads `data` up to the end of the current value and sets *ret_consumed to the number of bytes it
// has read. White space before a value is consumed; framer_is_idle() stays true. A number at top
// level ends before the first byte that cannot belong to it; that byte is not consumed. On
// FRAMER_ERROR, the byte after the *ret_consumed bytes is the wrong one. O(size).
enum framer_status framer_feed(struct framer *framer, const char *data, size_t size,
                               size_t *ret_consumed);
// True if the framer is between values.
bool framer_is_idle(const struct framer *framer);
// After FRAMER_ERROR: describes the error, e.g. "invalid escape", which is at framer->offset. The
// string has static storage duration.
const char *framer_error(const struct framer *framer);
// True after FRAMER_ERROR if the only error is that the value has more than max_size bytes.
bool framer_is_too_long(const struct framer *framer);

// Checks that `text` is exactly one value with optional white space around it. On success returns
// NULL and the value without the white space in *ret. On failure returns the error text, as
// framer_error(), and the offset of the error in *ret_offset. `ret` and `ret_offset` may be NULL.
const char *framer_check(struct slice text, size_t max_size, struct slice *ret, size_t *ret_offset);
// Converts an offset in `text` to a line and a column in characters, both counted from 1.
// O(offset).
void framer_position(struct slice text, size_t offset, size_t *ret_line, size_t *ret_column);
