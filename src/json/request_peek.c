// SPDX-License-Identifier: Apache-2.0
#include "json/request_peek.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof("\"method\"") < sizeof(((struct request_peek *)0)->name),
              "the names that are searched for fit");

static bool name_is(const struct request_peek *peek, const char *quoted)
{
    return slice_is((struct slice){peek->name, peek->name_size}, quoted);
}

// Appends `c`. If the buffer is full, the size becomes capacity + 1.
static void append(char *text, size_t *size, size_t capacity, char c)
{
    if (*size < capacity) {
        text[(*size)++] = c;
    } else {
        *size = capacity + 1;
    }
}

// Stores a byte of a member's name or value. The caller leaves out white space between tokens.
static void store_byte(struct request_peek *peek, char c)
{
    if (!peek->is_object || !peek->depth) {
        return;
    }
    if (peek->in_value) {
        if (name_is(peek, "\"id\"")) {
            append(peek->id, &peek->id_size, sizeof(peek->id), c);
        }
    } else {
        append(peek->name, &peek->name_size, sizeof(peek->name) - 1, c);
    }
}

static void begin_member_value(struct request_peek *peek)
{
    peek->in_value = true;
    peek->has_method |= name_is(peek, "\"method\"");
    if (name_is(peek, "\"id\"")) {
        peek->id_size = 0;
    }
}

// Reads a byte outside of strings.
static void read_token_byte(struct request_peek *peek, char c)
{
    switch (c) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return;
    case '[':
    case '{':
        store_byte(peek, c);
        peek->is_object |= !peek->depth && c == '{';
        peek->depth++;
        return;
    case ']':
    case '}':
        assert(peek->depth); // I-1
        peek->depth--;
        if (peek->depth) {
            store_byte(peek, c);
        }
        return;
    case ':':
        if (peek->depth == 1) {
            begin_member_value(peek);
            return;
        }
        break;
    case ',':
        if (peek->depth == 1) {
            peek->in_value = false;
            peek->name_size = 0;
            return;
        }
        break;
    case '"':
        peek->in_string = true;
        break;
    default:
        break;
    }
    store_byte(peek, c);
}

void request_peek_feed(struct request_peek *peek, struct slice piece)
{
    for (size_t i = 0; i < piece.size; i++) {
        char c = piece.data[i];

        if (!peek->in_string) {
            read_token_byte(peek, c);
            continue;
        }
        store_byte(peek, c);
        peek->in_string = peek->is_escaped || c != '"';
        peek->is_escaped = !peek->is_escaped && c == '\\';
    }
}

bool request_peek_id(const struct request_peek *peek, struct slice *ret)
{
    struct slice id = {peek->id, peek->id_size};

    if (!peek->has_method || !id.size || id.size > sizeof(peek->id) || slice_is(id, "null")) {
        return false;
    }
    *ret = id;
    return true;
}
