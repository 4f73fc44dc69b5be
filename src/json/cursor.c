// SPDX-License-Identifier: Apache-2.0
// The text is known to be valid (I-1), so the cursor only looks for the bytes that decide where it
// goes next and never checks what cannot be otherwise.
#include "json/cursor.h"

#include "json/number.h"

static inline void skip_space(struct cursor *cursor)
{
    while (cursor->p < cursor->end && (uint8_t)*cursor->p <= ' ') {
        cursor->p++;
    }
}

void cursor_init(struct cursor *cursor, struct slice value)
{
    cursor->p = value.data;
    cursor->end = value.data + value.size;
    skip_space(cursor);
}

enum json_kind cursor_kind(const struct cursor *cursor)
{
    switch (*cursor->p) {
    case 'n':
        return JSON_KIND_NULL;
    case 'f':
        return JSON_KIND_FALSE;
    case 't':
        return JSON_KIND_TRUE;
    case '"':
        return JSON_KIND_STRING;
    case '[':
        return JSON_KIND_ARRAY;
    case '{':
        return JSON_KIND_OBJECT;
    default:
        return JSON_KIND_NUMBER;
    }
}

bool cursor_enter(struct cursor *cursor)
{
    cursor->p++;
    skip_space(cursor);
    if (*cursor->p == ']' || *cursor->p == '}') {
        cursor->p++;
        skip_space(cursor);
        return false;
    }
    return true;
}

bool cursor_more(struct cursor *cursor)
{
    bool more = *cursor->p++ == ',';

    skip_space(cursor);
    return more;
}

// `p` is at the opening quote; returns the closing one.
static const char *string_end(const char *p)
{
    for (p++; *p != '"'; p++) {
        p += *p == '\\';
    }
    return p;
}

static unsigned hex4(const char *p)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++) {
        unsigned c = (uint8_t)p[i] | 0x20;

        value = value << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return value;
}

static void put_utf8(struct buf *buf, uint32_t c)
{
    if (c < 0x80) {
        buf_putc(buf, c);
    } else if (c < 0x800) {
        buf_putc(buf, 0xc0 | c >> 6);
        buf_putc(buf, 0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        buf_putc(buf, 0xe0 | c >> 12);
        buf_putc(buf, 0x80 | (c >> 6 & 0x3f));
        buf_putc(buf, 0x80 | (c & 0x3f));
    } else {
        buf_putc(buf, 0xf0 | c >> 18);
        buf_putc(buf, 0x80 | (c >> 12 & 0x3f));
        buf_putc(buf, 0x80 | (c >> 6 & 0x3f));
        buf_putc(buf, 0x80 | (c & 0x3f));
    }
}

// Decodes the escape whose character after the backslash `p` is at; returns what follows it.
static const char *put_escape(struct buf *buf, const char *p)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *simple;
    uint32_t c;

    if (*p != 'u') {
        simple = strchr(from, *p);
        buf_putc(buf, simple ? to[simple - from] : *p);
        return p + 1;
    }
    c = hex4(p + 1);
    p += 5;
    if (c >= 0xd800 && c <= 0xdbff) {
        c = 0x10000 + ((c - 0xd800) << 10) + (hex4(p + 2) - 0xdc00);
        p += 6;
    }
    put_utf8(buf, c);
    return p;
}

static struct slice decode_escapes(const char *p, const char *end, struct buf *scratch)
{
    buf_clear(scratch);
    while (p < end) {
        const char *backslash = memchr(p, '\\', end - p);

        if (!backslash) {
            break;
        }
        buf_put(scratch, p, backslash - p);
        p = put_escape(scratch, backslash + 1);
    }
    buf_put(scratch, p, end - p);
    return buf_slice(scratch);
}

struct slice cursor_string(struct cursor *cursor, struct buf *scratch)
{
    const char *start = cursor->p + 1, *p = start;

    while (*p != '"' && *p != '\\') {
        p++;
    }
    if (LIKELY(*p == '"')) {
        cursor->p = p + 1;
        skip_space(cursor);
        return (struct slice){start, p - start};
    }
    p = string_end(start - 1);
    cursor->p = p + 1;
    skip_space(cursor);
    return decode_escapes(start, p, scratch);
}

struct slice cursor_name(struct cursor *cursor, struct buf *scratch)
{
    struct slice name = cursor_string(cursor, scratch);

    cursor->p++; // the colon
    skip_space(cursor);
    return name;
}

// Returns the byte after the number, literal or container that begins at `p`.
static const char *value_end(const char *p, const char *end)
{
    unsigned depth = 0;

    if (*p != '[' && *p != '{') {
        while (p < end && *p != ',' && *p != ']' && *p != '}' && (uint8_t)*p > ' ') {
            p++;
        }
        return p;
    }
    for (;; p++) {
        switch (*p) {
        case '"':
            p = string_end(p);
            break;
        case '[':
        case '{':
            depth++;
            break;
        case ']':
        case '}':
            if (!--depth) {
                return p + 1;
            }
            break;
        default:
            break;
        }
    }
}

struct slice cursor_skip(struct cursor *cursor)
{
    const char *start = cursor->p;
    const char *end = *start == '"' ? string_end(start) + 1 : value_end(start, cursor->end);

    cursor->p = end;
    skip_space(cursor);
    return (struct slice){start, end - start};
}

bool cursor_number(struct cursor *cursor, int64_t *ret_integer, double *ret_real)
{
    return number_parse(cursor_skip(cursor), ret_integer, ret_real);
}

size_t json_count(struct slice container)
{
    struct cursor cursor;
    size_t n = 0;

    cursor_init(&cursor, container);

    bool is_object = cursor_kind(&cursor) == JSON_KIND_OBJECT;

    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        if (is_object) {
            cursor_skip(&cursor);
            cursor.p++; // the colon
            skip_space(&cursor);
        }
        cursor_skip(&cursor);
        n++;
    }
    return n;
}
