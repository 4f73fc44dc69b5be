// SPDX-License-Identifier: Apache-2.0
// Finds the id of a request that is too long to be stored. It reads the request piece by piece; the
// "id" may be at its end.
#pragma once

#include "basic/slice.h"

#include <stdbool.h>

#define REQUEST_PEEK_MAX_ID 256 // bytes of JSON text

// Fixed size, owns no memory. A zeroed struct is ready for the first byte.
struct request_peek {
    unsigned depth; // of open arrays and objects
    bool is_object; // the outermost value
    bool in_string;
    bool is_escaped;
    bool in_value; // at depth 1: after the colon of a member
    bool has_method;
    char name[16]; // of the current member, with its quotes; cut off if it is longer
    size_t name_size;
    char id[REQUEST_PEEK_MAX_ID];
    size_t id_size; // more than REQUEST_PEEK_MAX_ID if the id is too long
};

// Reads the next bytes of a JSON value that a framer has passed. O(size).
void request_peek_feed(struct request_peek *peek, struct slice piece);
// After the whole value: returns the id as JSON text without white space; it points into `peek`.
// False if the value is no request (no "method", or the id is null or absent), or if the id is
// longer than REQUEST_PEEK_MAX_ID.
bool request_peek_id(const struct request_peek *peek, struct slice *ret);
