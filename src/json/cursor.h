// SPDX-License-Identifier: Apache-2.0
// Walks validated JSON text (see framer.h, I-1) in place. No tree, no allocation.
//
//     cursor_init(&c, value);
//     for (bool more = cursor_enter(&c); more; more = cursor_more(&c)) {
//         struct slice name = cursor_name(&c, &scratch);      // objects only
//         struct slice member = cursor_skip(&c);              // or decode it
//     }
//
// A repeated member name is the caller's to handle: the last one wins.
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

// `value` is exactly one value, white space around it allowed.
void cursor_init(struct cursor *cursor, struct slice value);
// The kind of the value the cursor stands at.
enum json_kind cursor_kind(const struct cursor *cursor);
// Steps into the array or object the cursor stands at. False if it is empty (and then steps past
// it).
bool cursor_enter(struct cursor *cursor);
// After a value within an array or object: true if another follows, false if it ended (stepped
// past).
bool cursor_more(struct cursor *cursor);
// A member's name, decoded; stands at its value afterwards. The result points into the text or, if
// the name has escapes, into `scratch`, whose former content is lost.
struct slice cursor_name(struct cursor *cursor, struct buf *scratch);
// Steps past a value and returns its bytes. O(its length).
struct slice cursor_skip(struct cursor *cursor);
// Decodes the string the cursor stands at, as cursor_name() does.
struct slice cursor_string(struct cursor *cursor, struct buf *scratch);
// Decodes the number the cursor stands at, by the rules of number.h. True: an integer in
// *ret_integer; false: a real in *ret_real.
bool cursor_number(struct cursor *cursor, int64_t *ret_integer, double *ret_real);

// The kind of a whole value.
static inline enum json_kind json_kind_of(struct slice value)
{
    struct cursor cursor;

    cursor_init(&cursor, value);
    return cursor_kind(&cursor);
}

// Decodes a whole value that is a string, as cursor_string() does.
struct slice json_decode_string(struct slice value, struct buf *scratch);
// Read a whole value; false, nothing written, if it is of another kind, or absent (without data).
bool json_read_boolean(struct slice value, bool *ret);
bool json_read_count(struct slice value, uint64_t *ret); // an integer, not negative
bool json_read_string(struct slice value, struct buf *scratch, struct slice *ret);
// Cuts the first `n` elements out of an array; those it lacks become empty slices without data.
// Returns how many elements it has; 0 for what is no array. O(length).
size_t json_cut(struct slice array, struct slice *ret, size_t n);
// The value of an object's member, the last one if the name repeats; without data if there is none,
// or `object` is none. O(length).
struct slice json_member(struct slice object, const char *name);
// How many elements (members) an array (object) has. O(length).
size_t json_count(struct slice container);
