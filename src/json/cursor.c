// SPDX-License-Identifier: Apache-2.0
// The text is valid (I-1), so the cursor looks only at the bytes that decide where it goes next.
// The assertions find code that loses track of the position of its cursor.
#include "json/cursor.h"

#include "json/number.h"

#include <assert.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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
    assert(cursor->p < cursor->end);
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
    assert(*cursor->p == '[' || *cursor->p == '{');
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
    bool more = *cursor->p == ',';

    assert(more || *cursor->p == ']' || *cursor->p == '}'); // I-1
    cursor->p++;
    skip_space(cursor);
    return more;
}

// The closing quote of the string whose opening quote is at `p`.
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

// Decodes an escape; `p` is at the character after the backslash. Returns the address after it.
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
        assert(p[0] == '\\' && p[1] == 'u'); // I-1: a low surrogate follows
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

    assert(*cursor->p == '"');
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

    assert(*cursor->p == ':'); // I-1
    cursor->p++;
    skip_space(cursor);
    return name;
}

// The search for the end of a container: the next byte to read, how many containers are open there,
// and whether it is within a string.
struct walk {
    const char *p;
    unsigned depth;
    bool in_string;
};

// Reads at most `n` bytes, one at a time. Returns true if the container ends there; `p` is after
// it.
static bool walk_bytes(struct walk *walk, size_t n)
{
    for (const char *limit = walk->p + n; walk->p < limit; walk->p++) {
        char c = *walk->p;

        if (walk->in_string) {
            walk->p += c == '\\';
            walk->in_string = c != '"';
        } else if (c == '"') {
            walk->in_string = true;
        } else if (c == '[' || c == '{') {
            walk->depth++;
        } else if ((c == ']' || c == '}') && !--walk->depth) {
            walk->p++;
            return true;
        }
    }
    return false;
}

#ifdef __SSE2__
// Bit i of the result is set if byte i of the 64 bytes is `c`.
static inline uint64_t mask_of(const __m128i v[4], char c)
{
    uint64_t mask = 0;

    for (int i = 0; i < 4; i++) {
        uint32_t part = _mm_movemask_epi8(_mm_cmpeq_epi8(v[i], _mm_set1_epi8(c)));

        mask |= (uint64_t)part << 16 * i;
    }
    return mask;
}

// Bit i of the result is the parity of bits 0 to i. Applied to the mask of the quotes, it gives the
// mask of the bytes within strings.
static inline uint64_t prefix_xor(uint64_t x)
{
    for (int shift = 1; shift < 64; shift *= 2) {
        x ^= x << shift;
    }
    return x;
}

// Reads 64 bytes at once, which is four times as fast as one at a time. Returns false without
// reading if one of them is a backslash.
static bool walk_block(struct walk *walk, bool *ret_ended)
{
    __m128i bytes[4], braces[4]; // `braces` has { for [ and } for ]
    uint64_t inside, open, close;

    for (int i = 0; i < 4; i++) {
        bytes[i] = _mm_loadu_si128((const __m128i *)(const void *)(walk->p + 16 * i));
        braces[i] = _mm_or_si128(bytes[i], _mm_set1_epi8(0x20));
    }
    if (mask_of(bytes, '\\')) {
        return false;
    }
    inside = prefix_xor(mask_of(bytes, '"')) ^ (walk->in_string ? UINT64_MAX : 0);
    open = mask_of(braces, '{') & ~inside;
    close = mask_of(braces, '}') & ~inside;
    *ret_ended = false;
    if ((unsigned)__builtin_popcountll(close) < walk->depth) {
        walk->depth += __builtin_popcountll(open) - __builtin_popcountll(close);
    } else {
        for (uint64_t rest = open | close; rest; rest &= rest - 1) {
            if (open & (rest & -rest)) {
                walk->depth++;
            } else if (!--walk->depth) {
                walk->p += __builtin_ctzll(rest) + 1;
                *ret_ended = true;
                return true;
            }
        }
    }
    walk->in_string = inside >> 63;
    walk->p += 64;
    return true;
}
#else
static bool walk_block(struct walk *walk, bool *ret_ended)
{
    return false;
}
#endif

// The address after the array or object that begins at `p`.
static const char *container_end(const char *p, const char *end)
{
    struct walk walk = {.p = p};
    bool ended = false;

    while (!ended) {
        if (end - walk.p < 64 || !walk_block(&walk, &ended)) {
            ended = walk_bytes(&walk, 64);
        }
    }
    return walk.p;
}

// The address after the number or literal that begins at `p`.
static const char *scalar_end(const char *p, const char *end)
{
    while (p < end && *p != ',' && *p != ']' && *p != '}' && (uint8_t)*p > ' ') {
        p++;
    }
    return p;
}

struct slice cursor_skip(struct cursor *cursor)
{
    const char *start = cursor->p;
    const char *end = *start == '"'                    ? string_end(start) + 1
                      : *start == '[' || *start == '{' ? container_end(start, cursor->end)
                                                       : scalar_end(start, cursor->end);

    assert(end > start && end <= cursor->end); // I-1
    cursor->p = end;
    skip_space(cursor);
    return (struct slice){start, end - start};
}

bool cursor_number(struct cursor *cursor, int64_t *ret_integer, double *ret_real)
{
    return number_parse(cursor_skip(cursor), ret_integer, ret_real);
}

struct slice json_decode_string(struct slice value, struct buf *scratch)
{
    struct cursor cursor;

    cursor_init(&cursor, value);
    return cursor_string(&cursor, scratch);
}

bool json_read_boolean(struct slice value, bool *ret)
{
    enum json_kind kind = value.data ? json_kind_of(value) : JSON_KIND_NULL;

    if (kind != JSON_KIND_TRUE && kind != JSON_KIND_FALSE) {
        return false;
    }
    *ret = kind == JSON_KIND_TRUE;
    return true;
}

bool json_read_count(struct slice value, uint64_t *ret)
{
    struct cursor cursor;
    int64_t integer;
    double real;

    if (!value.data || json_kind_of(value) != JSON_KIND_NUMBER) {
        return false;
    }
    cursor_init(&cursor, value);
    if (!cursor_number(&cursor, &integer, &real) || integer < 0) {
        return false;
    }
    *ret = (uint64_t)integer;
    return true;
}

bool json_read_string(struct slice value, struct buf *scratch, struct slice *ret)
{
    if (!value.data || json_kind_of(value) != JSON_KIND_STRING) {
        return false;
    }
    *ret = json_decode_string(value, scratch);
    return true;
}

size_t json_cut(struct slice array, struct slice *ret, size_t n)
{
    struct cursor cursor;
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        ret[i] = SLICE_EMPTY;
    }
    cursor_init(&cursor, array);
    if (cursor_kind(&cursor) != JSON_KIND_ARRAY) {
        return 0;
    }
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice element = cursor_skip(&cursor);

        if (count < n) {
            ret[count] = element;
        }
        count++;
    }
    return count;
}

struct slice json_member(struct slice object, const char *name)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct slice found = SLICE_EMPTY;
    struct cursor cursor;

    cursor_init(&cursor, object);
    if (cursor_kind(&cursor) != JSON_KIND_OBJECT) {
        return found;
    }
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        bool is_it = slice_is(cursor_name(&cursor, &scratch), name);
        struct slice value = cursor_skip(&cursor);

        found = is_it ? value : found;
    }
    return found;
}

size_t json_count(struct slice container)
{
    struct cursor cursor;
    bool is_object;
    size_t n = 0;

    cursor_init(&cursor, container);
    is_object = cursor_kind(&cursor) == JSON_KIND_OBJECT;

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
