// SPDX-License-Identifier: Apache-2.0
// Finds the id of a request that is too long to be kept: the request passes by in pieces, and its
// "id" may stand at its end.
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
    bool in_value; // depth 1: after a member's colon
    bool has_method;
    char name[16]; // of the member being read, with its quotes
    size_t name_size;
    char id[REQUEST_PEEK_MAX_ID];
    size_t id_size; // more than REQUEST_PEEK_MAX_ID: it is too long
};

// `piece`: the next bytes of a JSON value that a framer has passed. O(size).
void request_peek_feed(struct request_peek *peek, struct slice piece);
// After the whole value: its id as JSON text without white space, valid as long as `peek`. False if
// it is no request (it has no "method" or an id of null), or if its id is longer than
// REQUEST_PEEK_MAX_ID.
bool request_peek_id(const struct request_peek *peek, struct slice *ret);
