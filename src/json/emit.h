// SPDX-License-Identifier: Apache-2.0
// Writes JSON text into a buffer. Compact; the caller puts the punctuation with buf_putc().
#pragma once

#include "basic/buf.h"
#include "json/number.h"

// A quoted string; escapes only what JSON requires, plus control characters. `s` must be UTF-8.
void emit_string(struct buf *buf, struct slice s);
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
// A value in canonical form: no white space, members sorted by name, the last of repeated names
// only, numbers and escapes as this server prints them. Two values are equal if and only if their
// canonical texts are. `value` is validated text. O(n log n).
void emit_canonical(struct buf *buf, struct slice value);
// The same but for numbers that are not integers of 64 bits: these stay as they are written, so
// that large numbers which differ have different texts. For comparing ids that clients choose.
void emit_key(struct buf *buf, struct slice value);
