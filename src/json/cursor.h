// SPDX-License-Identifier: Apache-2.0
// Reads JSON text in place, without a tree and without allocation. The text must be valid: a framer
// has passed it (I-1).
//
//     cursor_init(&c, value);
//     for (bool more = cursor_enter(&c); more; more = cursor_more(&c)) {
//         struct slice name = cursor_name(&c, &scratch);      // objects only
//         struct slice member = cursor_skip(&c);              // or decode it
//     }
//
// Where an object has a member name twice, the caller must take the last one.
#pragma once

#include "basic/buf.h"

#include <stdint.h>

enum json_kind {
    JSON_KIND_NULL,
    JSON_KIND_FALSE,
    JSON_KIND_TRUE,
    JSON_KIND_NUMBER,
    JSON_KIND_STRING,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT,
};

struct cursor {
    const char *p;
    const char *end;
};

// Places the cursor at a value. `value` is exactly one JSON value; white space around it is
// allowed.
void cursor_init(struct cursor *cursor, struct slice value);
// The kind of the value at the cursor.
enum json_kind cursor_kind(const struct cursor *cursor);
// Moves into the array or object at the cursor, to its first element or member, and returns true.
// If it is empty, moves past it and returns false.
bool cursor_enter(struct cursor *cursor);
// For a cursor after a value within an array or object: moves to the next element or member and
// returns true. At the end, moves past the array or object and returns false.
bool cursor_more(struct cursor *cursor);
// Decodes the name of the member at the cursor and moves to its value. The result points into the
// text or, if the name has escapes, into `scratch`, which is overwritten then.
struct slice cursor_name(struct cursor *cursor, struct buf *scratch);
// Moves past the value at the cursor and returns its bytes. O(its length).
struct slice cursor_skip(struct cursor *cursor);
// Decodes the string at the cursor, as cursor_name() does, and moves past it.
struct slice cursor_string(struct cursor *cursor, struct buf *scratch);
// Decodes the number at the cursor by the rules of number.h and moves past it. Returns true for an
// integer, in *ret_integer, and false for a real, in *ret_real.
bool cursor_number(struct cursor *cursor, int64_t *ret_integer, double *ret_real);

// The functions below take a whole value. They are for short text or few calls: each parses from
// the start of the value.

// The kind of the value.
static inline enum json_kind json_kind_of(struct slice value)
{
    struct cursor cursor;

    cursor_init(&cursor, value);
    return cursor_kind(&cursor);
}

// Decodes a value that is a string, as cursor_string() does.
struct slice json_decode_string(struct slice value, struct buf *scratch);
// Read a value of the named kind. False, with *ret untouched, if `value` has another kind or is a
// slice without data, which stands for an absent value.
bool json_read_boolean(struct slice value, bool *ret);
bool json_read_count(struct slice value, uint64_t *ret); // an integer >= 0
bool json_read_string(struct slice value, struct buf *scratch, struct slice *ret);
// Returns the first `n` elements of `array` in ret[]; missing elements are slices without data.
// The result is the number of elements in the array, 0 if `array` is no array. O(length).
size_t json_cut(struct slice array, struct slice *ret, size_t n);
// The value of the member `name`, the last one if there are several. A slice without data if there
// is none or `object` is no object. O(length).
struct slice json_member(struct slice object, const char *name);
// The number of elements in an array, or of members in an object. O(length).
size_t json_count(struct slice container);
