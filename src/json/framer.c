// SPDX-License-Identifier: Apache-2.0
// A state machine that reads one byte in each step. Plain bytes of strings, which are most of a
// message, are read faster (skip_plain()). All state is in struct framer, so the input can end
// after any byte.
//
//     at top level: IDLE -> value -> IDLE
//     in a container: ARRAY_FIRST or OBJECT_FIRST -> value -> AFTER -> VALUE or NAME -> ...
#include "json/framer.h"

#include "basic/utf8.h"

#include <assert.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum state {
    STATE_IDLE,         // before a value at top level
    STATE_VALUE,        // a value must follow
    STATE_ARRAY_FIRST,  // a value or ]
    STATE_OBJECT_FIRST, // a name or }
    STATE_NAME,         // a name must follow
    STATE_COLON,
    STATE_AFTER, // within a container, after a value: a comma or the closing bracket must follow
    STATE_STRING,
    STATE_UTF8,       // within a character of several bytes
    STATE_ESCAPE,     // after a backslash
    STATE_HEX,        // within \uXXXX
    STATE_LOW_ESCAPE, // after a high surrogate: a backslash must follow
    STATE_LOW_U,      // ... and a u
    STATE_LITERAL,
    STATE_MINUS,   // of a number: after its minus sign
    STATE_ZERO,    // after a leading zero
    STATE_INTEGER, // within the digits before the point
    STATE_POINT,
    STATE_FRACTION,
    STATE_EXPONENT,
    STATE_EXPONENT_SIGN,
    STATE_EXPONENT_DIGITS,
    STATE_ERROR,
};
static_assert(STATE_ERROR <= UINT8_MAX, "a state fits in framer.state");
static_assert(FRAMER_MAX_DEPTH <= UINT16_MAX, "a depth fits in framer.depth");

// ASCII characters that need no further check in a string: all except control characters, the quote
// and the backslash.
static const bool is_plain[256] = {
    [0x20 ... '"' - 1] = true,
    ['"' + 1 ... '\\' - 1] = true,
    ['\\' + 1 ... 0x7f] = true,
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

void framer_init(struct framer *framer, size_t max_size)
{
    *framer = (struct framer){.max_size = max_size};
}

bool framer_is_idle(const struct framer *framer)
{
    return framer->state == STATE_IDLE;
}

bool framer_is_too_long(const struct framer *framer)
{
    return framer->state == STATE_ERROR && framer->offset >= framer->max_size;
}

const char *framer_error(const struct framer *framer)
{
    assert(framer->state == STATE_ERROR);
    return framer->error;
}

static bool fail(struct framer *framer, const char *error)
{
    framer->error = error;
    framer->state = STATE_ERROR;
    return false;
}

static void end_value(struct framer *framer)
{
    framer->state = framer->depth ? STATE_AFTER : STATE_IDLE;
}

static bool open_container(struct framer *framer, bool is_object)
{
    uint64_t bit = 1ull << framer->depth % 64;

    if (framer->depth >= FRAMER_MAX_DEPTH) {
        return fail(framer, "nested too deeply");
    }
    if (is_object) {
        framer->nesting[framer->depth / 64] |= bit;
    } else {
        framer->nesting[framer->depth / 64] &= ~bit;
    }
    framer->depth++;
    framer->in_object = is_object;
    framer->state = is_object ? STATE_OBJECT_FIRST : STATE_ARRAY_FIRST;
    return true;
}

static bool close_container(struct framer *framer)
{
    assert(framer->depth);
    framer->depth--;
    if (framer->depth) {
        unsigned parent = framer->depth - 1;

        framer->in_object = framer->nesting[parent / 64] >> parent % 64 & 1;
    }
    end_value(framer);
    return true;
}

static bool begin_string(struct framer *framer, bool is_name)
{
    framer->in_name = is_name;
    framer->state = STATE_STRING;
    return true;
}

static bool begin_literal(struct framer *framer, const char *rest)
{
    framer->literal = rest;
    framer->state = STATE_LITERAL;
    return true;
}

static bool begin_value(struct framer *framer, uint8_t c)
{
    switch (c) {
    case '"':
        return begin_string(framer, false);
    case '[':
        return open_container(framer, false);
    case '{':
        return open_container(framer, true);
    case 't':
        return begin_literal(framer, "rue");
    case 'f':
        return begin_literal(framer, "alse");
    case 'n':
        return begin_literal(framer, "ull");
    case '-':
        framer->state = STATE_MINUS;
        return true;
    case '0':
        framer->state = STATE_ZERO;
        return true;
    case '1' ... '9':
        framer->state = STATE_INTEGER;
        return true;
    default:
        return fail(framer, "a value expected");
    }
}

static bool after_value(struct framer *framer, uint8_t c)
{
    if (c == ',') {
        framer->state = framer->in_object ? STATE_NAME : STATE_VALUE;
        return true;
    }
    if (c == (framer->in_object ? '}' : ']')) {
        return close_container(framer);
    }
    return fail(framer, framer->in_object ? "',' or '}' expected" : "',' or ']' expected");
}

// Reads a byte within a string that is not plain.
static bool in_string(struct framer *framer, uint8_t c)
{
    if (c == '"') {
        if (framer->in_name) {
            framer->state = STATE_COLON;
        } else {
            end_value(framer);
        }
        return true;
    }
    if (c == '\\') {
        framer->state = STATE_ESCAPE;
        return true;
    }
    if (c < 0x20) {
        return fail(framer, "control character in string");
    }
    // The first byte of a character determines the range of the second (Unicode, table 3-7).
    framer->utf8_min = 0x80;
    framer->utf8_max = 0xbf;
    switch (c) {
    case 0xc2 ... 0xdf:
        framer->utf8_left = 1;
        break;
    case 0xe0:
        framer->utf8_min = 0xa0;
        framer->utf8_left = 2;
        break;
    case 0xed:
        framer->utf8_max = 0x9f;
        framer->utf8_left = 2;
        break;
    case 0xe1 ... 0xec:
    case 0xee ... 0xef:
        framer->utf8_left = 2;
        break;
    case 0xf0:
        framer->utf8_min = 0x90;
        framer->utf8_left = 3;
        break;
    case 0xf1 ... 0xf3:
        framer->utf8_left = 3;
        break;
    case 0xf4:
        framer->utf8_max = 0x8f;
        framer->utf8_left = 3;
        break;
    default:
        return fail(framer, "invalid UTF-8");
    }
    framer->state = STATE_UTF8;
    return true;
}

static bool in_utf8(struct framer *framer, uint8_t c)
{
    if (c < framer->utf8_min || c > framer->utf8_max) {
        return fail(framer, "invalid UTF-8");
    }
    framer->utf8_min = 0x80;
    framer->utf8_max = 0xbf;
    if (!--framer->utf8_left) {
        framer->state = STATE_STRING;
    }
    return true;
}

static bool in_escape(struct framer *framer, uint8_t c)
{
    if (c == 'u') {
        framer->hex = 0;
        framer->hex_left = 4;
        framer->state = STATE_HEX;
        return true;
    }
    if (!c || !strchr("\"\\/bfnrt", c)) {
        return fail(framer, "invalid escape");
    }
    framer->state = STATE_STRING;
    return true;
}

static bool in_hex(struct framer *framer, uint8_t c)
{
    unsigned digit;
    bool is_low;

    if (is_digit(c)) {
        digit = c - '0';
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
        digit = (c | 0x20) - 'a' + 10;
    } else {
        return fail(framer, "invalid \\u escape");
    }
    framer->hex = framer->hex << 4 | digit;
    if (--framer->hex_left) {
        return true;
    }
    is_low = framer->hex >= 0xdc00 && framer->hex <= 0xdfff;
    if (is_low != (framer->high_surrogate != 0)) {
        return fail(framer, "lone surrogate");
    }
    framer->high_surrogate = 0;
    framer->state = STATE_STRING;
    if (framer->hex >= 0xd800 && framer->hex <= 0xdbff) {
        framer->high_surrogate = framer->hex;
        framer->state = STATE_LOW_ESCAPE;
    }
    return framer->hex ? true : fail(framer, "\\u0000 is not allowed");
}

// Reads one byte of a number. Returns false on an error, and if the number has ended before this
// byte; the state is STATE_AFTER or STATE_IDLE then.
static bool in_number(struct framer *framer, uint8_t c)
{
    switch ((enum state)framer->state) {
    case STATE_MINUS:
        if (!is_digit(c)) {
            return fail(framer, "a digit expected");
        }
        framer->state = c == '0' ? STATE_ZERO : STATE_INTEGER;
        return true;
    case STATE_ZERO:
    case STATE_INTEGER:
        if (is_digit(c)) {
            return framer->state == STATE_INTEGER ? true : fail(framer, "leading zero");
        }
        if (c == '.') {
            framer->state = STATE_POINT;
            return true;
        }
        break;
    case STATE_POINT:
    case STATE_FRACTION:
        if (is_digit(c)) {
            framer->state = STATE_FRACTION;
            return true;
        }
        if (framer->state == STATE_POINT) {
            return fail(framer, "a digit expected");
        }
        break;
    default: // the exponent
        if (is_digit(c)) {
            framer->state = STATE_EXPONENT_DIGITS;
            return true;
        }
        if (framer->state == STATE_EXPONENT && (c == '+' || c == '-')) {
            framer->state = STATE_EXPONENT_SIGN;
            return true;
        }
        if (framer->state != STATE_EXPONENT_DIGITS) {
            return fail(framer, "a digit expected");
        }
        end_value(framer);
        return false;
    }
    if (c == 'e' || c == 'E') {
        framer->state = STATE_EXPONENT;
        return true;
    }
    end_value(framer);
    return false;
}

// Reads one byte that is neither white space between tokens nor a plain byte within a string.
// Returns false as in_number() does.
static bool framer_step(struct framer *framer, uint8_t c)
{
    switch ((enum state)framer->state) {
    case STATE_IDLE:
    case STATE_VALUE:
        return begin_value(framer, c);
    case STATE_ARRAY_FIRST:
        return c == ']' ? close_container(framer) : begin_value(framer, c);
    case STATE_OBJECT_FIRST:
        if (c == '}') {
            return close_container(framer);
        }
        __attribute__((fallthrough));
    case STATE_NAME:
        return c == '"' ? begin_string(framer, true) : fail(framer, "a member name expected");
    case STATE_COLON:
        framer->state = STATE_VALUE;
        return c == ':' ? true : fail(framer, "':' expected");
    case STATE_AFTER:
        return after_value(framer, c);
    case STATE_STRING:
        return in_string(framer, c);
    case STATE_UTF8:
        return in_utf8(framer, c);
    case STATE_ESCAPE:
        return in_escape(framer, c);
    case STATE_HEX:
        return in_hex(framer, c);
    case STATE_LOW_ESCAPE:
        framer->state = STATE_LOW_U;
        return c == '\\' ? true : fail(framer, "lone surrogate");
    case STATE_LOW_U:
        return c == 'u' ? in_escape(framer, c) : fail(framer, "lone surrogate");
    case STATE_LITERAL:
        if (c != (uint8_t)*framer->literal) {
            return fail(framer, "invalid literal");
        }
        if (!*++framer->literal) {
            end_value(framer);
        }
        return true;
    default:
        return in_number(framer, c);
    }
}

// Returns the address of the first byte from `p` on that is not plain, or `limit`.
static inline const char *skip_plain(const char *p, const char *limit)
{
#ifdef __SSE2__
    for (; limit - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i special = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                                       _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        // The comparison is signed: true for control characters and for bytes that are not ASCII.
        unsigned mask =
            _mm_movemask_epi8(_mm_or_si128(special, _mm_cmplt_epi8(v, _mm_set1_epi8(0x20))));

        if (mask) {
            return p + __builtin_ctz(mask);
        }
    }
#endif
    while (p < limit && is_plain[(uint8_t)*p]) {
        p++;
    }
    return p;
}

// Reads a whole string of plain bytes and the separator after it; `p` is at the opening quote. Most
// bytes of a message are read here. Returns NULL, with nothing changed, if the string has other
// bytes or does not end before `limit`.
static inline const char *take_plain_string(struct framer *framer, const char *p, const char *limit)
{
    bool is_name = framer->state == STATE_NAME || framer->state == STATE_OBJECT_FIRST;

    p = skip_plain(p + 1, limit);
    if (p == limit || *p++ != '"') {
        return NULL;
    }
    if (is_name) {
        framer->state = STATE_COLON;
        if (p < limit && *p == ':') {
            framer->state = STATE_VALUE;
            p++;
        }
        return p;
    }
    end_value(framer);
    if (p < limit && *p == ',' && framer->state == STATE_AFTER) {
        framer->state = framer->in_object ? STATE_NAME : STATE_VALUE;
        p++;
    }
    return p;
}

static bool in_token(const struct framer *framer)
{
    return framer->state >= STATE_STRING;
}

enum framer_status framer_feed(struct framer *framer, const char *data, size_t size,
                               size_t *ret_consumed)
{
    const char *p = data, *end = data + size, *start, *limit;

    assert(framer->offset <= framer->max_size || framer->state == STATE_IDLE);
    *ret_consumed = 0;
    if (framer->state == STATE_ERROR) {
        return FRAMER_ERROR;
    }
    if (framer->state == STATE_IDLE) {
        while (p < end && is_space((uint8_t)*p)) {
            p++;
        }
        if (p == end) {
            *ret_consumed = size;
            return FRAMER_MORE;
        }
        framer->offset = 0;
        framer->high_surrogate = 0;
    }
    start = p;
    limit = (size_t)(end - p) > framer->max_size - framer->offset
                ? p + (framer->max_size - framer->offset)
                : end;
    while (p < limit) {
        uint8_t c = *p;

        if (framer->state == STATE_STRING) {
            p = skip_plain(p, limit);
            if (p == limit) {
                break;
            }
            c = *p;
        } else if (!in_token(framer)) {
            if (c == '"' && framer->state <= STATE_NAME) {
                const char *after = take_plain_string(framer, p, limit);

                if (after) {
                    p = after;
                    if (framer->state == STATE_IDLE) {
                        break;
                    }
                    continue;
                }
            } else if (is_space(c)) {
                p++;
                continue;
            }
        }
        if (!framer_step(framer, c)) {
            if (framer->state == STATE_AFTER) {
                continue; // a number has ended, this byte belongs to the next token
            }
            break;
        }
        p++;
        if (framer->state == STATE_IDLE) {
            break;
        }
    }
    if (p == limit && limit < end && framer->state != STATE_IDLE) {
        fail(framer, "too long");
    }
    framer->offset += p - start;
    *ret_consumed = p - data;
    return framer->state == STATE_IDLE    ? FRAMER_DONE
           : framer->state == STATE_ERROR ? FRAMER_ERROR
                                          : FRAMER_MORE;
}

const char *framer_check(struct slice text, size_t max_size, struct slice *ret, size_t *ret_offset)
{
    struct framer framer;
    size_t start = 0, consumed, end = text.size;
    enum framer_status status;
    const char *error = NULL;

    while (start < end && is_space((uint8_t)text.data[start])) {
        start++;
    }
    while (end > start && is_space((uint8_t)text.data[end - 1])) {
        end--;
    }
    framer_init(&framer, max_size);
    status = framer_feed(&framer, text.data + start, end - start, &consumed);
    if (status == FRAMER_MORE && framer.state >= STATE_MINUS) {
        size_t ignored;

        status = framer_feed(&framer, " ", 1, &ignored); // a byte that ends the number
    }
    if (status == FRAMER_ERROR) {
        error = framer_error(&framer);
    } else if (status == FRAMER_MORE) {
        error = end == start ? "empty" : "incomplete";
    } else if (start + consumed != end) {
        error = "more than one value";
        while (is_space((uint8_t)text.data[start + consumed])) {
            consumed++; // the error is at the first byte of the second value
        }
    } else if (ret) {
        *ret = (struct slice){text.data + start, end - start};
    }
    if (error && ret_offset) {
        *ret_offset = start + consumed;
    }
    return error;
}

void framer_position(struct slice text, size_t offset, size_t *ret_line, size_t *ret_column)
{
    size_t line = 1, start = 0, column = 1;

    assert(offset <= text.size);
    for (size_t i = 0; i < offset; i++) {
        if (text.data[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    for (size_t i = start; i < offset; i++) {
        column += !utf8_is_continuation(text.data[i]);
    }
    *ret_line = line;
    *ret_column = column;
}
