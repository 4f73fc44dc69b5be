// SPDX-License-Identifier: Apache-2.0
#include "json/emit.h"

#include "json/cursor.h"

#include <stdlib.h>

static const bool needs_escape[256] = {
    [0 ... 0x1f] = true,
    ['"'] = true,
    ['\\'] = true,
};

static void put_escape(struct buf *buf, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";

    switch (c) {
    case '\b':
        buf_puts(buf, "\\b");
        break;
    case '\f':
        buf_puts(buf, "\\f");
        break;
    case '\n':
        buf_puts(buf, "\\n");
        break;
    case '\r':
        buf_puts(buf, "\\r");
        break;
    case '\t':
        buf_puts(buf, "\\t");
        break;
    case '"':
    case '\\':
        buf_putc(buf, '\\');
        buf_putc(buf, c);
        break;
    default:
        buf_puts(buf, "\\u00");
        buf_putc(buf, hex[c >> 4]);
        buf_putc(buf, hex[c & 15]);
        break;
    }
}

void emit_string(struct buf *buf, struct slice s)
{
    size_t i = 0;

    buf_reserve(buf, s.size + 2);
    buf_putc(buf, '"');
    while (i < s.size) {
        size_t start = i;

        while (i < s.size && !needs_escape[(uint8_t)s.data[i]]) {
            i++;
        }
        buf_put(buf, s.data + start, i - start);
        if (i < s.size) {
            put_escape(buf, s.data[i++]);
        }
    }
    buf_putc(buf, '"');
}

struct member {
    char *name; // owned
    struct slice decoded;
    struct slice value;
    size_t position;
};

// Orders by name. Of members with the same name, the last one comes first.
static int compare_members(const void *a_, const void *b_)
{
    const struct member *a = a_, *b = b_;
    int cmp = slice_compare(a->decoded, b->decoded);

    return cmp ? cmp : (a->position < b->position) - (a->position > b->position);
}

static void put_canonical(struct buf *buf, struct cursor *cursor, struct buf *scratch, bool is_key);

static void put_object(struct buf *buf, struct cursor *cursor, struct buf *scratch, bool is_key)
{
    _cleanup_free_ struct member *members = NULL;
    size_t n = 0, capacity = 0;

    for (bool more = cursor_enter(cursor); more; more = cursor_more(cursor)) {
        struct slice name = cursor_name(cursor, scratch);

        GROW(members, n, capacity);
        members[n].name = xstrndup(name.data, name.size);
        members[n].decoded = (struct slice){members[n].name, name.size};
        members[n].value = cursor_skip(cursor);
        members[n].position = n;
        n++;
    }
    if (n > 1) {
        qsort(members, n, sizeof(*members), compare_members);
    }
    buf_putc(buf, '{');
    for (size_t i = 0; i < n; i++) {
        struct cursor value;

        if (i && slice_equals(members[i].decoded, members[i - 1].decoded)) {
            continue;
        }
        emit_name(buf, members[i].decoded);
        cursor_init(&value, members[i].value);
        put_canonical(buf, &value, scratch, is_key);
    }
    buf_putc(buf, '}');
    for (size_t i = 0; i < n; i++) {
        free(members[i].name);
    }
}

static void put_canonical(struct buf *buf, struct cursor *cursor, struct buf *scratch, bool is_key)
{
    struct cursor start = *cursor;
    int64_t integer;
    double real;

    switch (cursor_kind(cursor)) {
    case JSON_KIND_NUMBER:
        if (cursor_number(cursor, &integer, &real)) {
            number_put_integer(buf, integer);
        } else if (is_key) {
            buf_put_slice(buf, cursor_skip(&start));
        } else if (number_real_to_integer(real, &integer)) {
            number_put_integer(buf, integer); // as the printed digits would be read
        } else {
            number_put_real(buf, real);
        }
        break;
    case JSON_KIND_STRING:
        emit_string(buf, cursor_string(cursor, scratch));
        break;
    case JSON_KIND_ARRAY:
        buf_putc(buf, '[');
        for (bool more = cursor_enter(cursor); more; more = cursor_more(cursor)) {
            emit_next(buf);
            put_canonical(buf, cursor, scratch, is_key);
        }
        buf_putc(buf, ']');
        break;
    case JSON_KIND_OBJECT:
        put_object(buf, cursor, scratch, is_key);
        break;
    default:
        buf_put_slice(buf, cursor_skip(cursor));
        break;
    }
}

void emit_canonical(struct buf *buf, struct slice value)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;

    cursor_init(&cursor, value);
    put_canonical(buf, &cursor, &scratch, false);
}

void emit_key(struct buf *buf, struct slice value)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;

    cursor_init(&cursor, value);
    put_canonical(buf, &cursor, &scratch, true);
}
