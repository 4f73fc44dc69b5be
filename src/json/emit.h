// SPDX-License-Identifier: Apache-2.0
// Writes compact JSON text into a buffer. The caller writes brackets with buf_putc() and
// buf_puts(); emit_next() and emit_name() write the commas and colons:
//
//     buf_putc(&buf, '[');
//     for (size_t i = 0; i < n; i++) {
//         emit_next(&buf);
//         emit_integer(&buf, numbers[i]);
//     }
//     buf_putc(&buf, ']');
#pragma once

#include "basic/buf.h"
#include "json/number.h"

// Writes a string in quotes, with escapes only for quotes, backslashes and control characters. `s`
// must be UTF-8.
void emit_string(struct buf *buf, struct slice s);
// Writes the comma before an element or member, unless it is the first one of its container or the
// value of a member. It depends on the last byte of `buf`, which must be part of the container; if
// `buf` is empty, nothing is written.
static inline void emit_next(struct buf *buf)
{
    char last = buf->size ? buf->data[buf->size - 1] : '[';

    if (last != '[' && last != '{' && last != ',' && last != ':') {
        buf_putc(buf, ',');
    }
}
// Writes what is before the value of a member: the comma (see emit_next()), the name and the colon.
static inline void emit_name(struct buf *buf, struct slice name)
{
    emit_next(buf);
    emit_string(buf, name);
    buf_putc(buf, ':');
}
static inline void emit_integer(struct buf *buf, int64_t value)
{
    number_put_integer(buf, value);
}
static inline void emit_real(struct buf *buf, double value)
{
    number_put_real(buf, value);
}
static inline void emit_boolean(struct buf *buf, bool value)
{
    buf_puts(buf, value ? "true" : "false");
}
// Writes a value in canonical form: no white space, members sorted by name, of members with the
// same name only the last one, numbers and escapes as the other functions here write them. Two
// values are equal if and only if their canonical texts are. `value` is valid text (I-1).
// O(n log n).
void emit_canonical(struct buf *buf, struct slice value);
// As emit_canonical(), but copies numbers that are not 64-bit integers as they stand in `value`, so
// that different large numbers have different texts. For comparing ids that clients choose.
void emit_key(struct buf *buf, struct slice value);
