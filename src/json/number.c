// SPDX-License-Identifier: Apache-2.0
#include "json/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#define MAX_DIGITS     19 // of an integer that may fit in 64 bits
#define TOKEN_ON_STACK 128

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// The token's value without its sign, as digits x 10^exponent with neither leading nor trailing
// zeros among the digits. False: more digits than an integer in range can have.
static bool parse_decimal(const char *p, const char *end, uint64_t *ret_digits,
                          int64_t *ret_exponent)
{
    uint64_t digits = 0;
    int64_t exponent = 0, written_exponent = 0;
    unsigned n_digits = 0, n_zeros = 0; // zeros held back: they count only if a digit follows
    bool in_fraction = false;

    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            in_fraction = true;
            continue;
        }
        exponent -= in_fraction;
        if (*p == '0') {
            n_zeros += n_digits > 0;
            continue;
        }
        if (n_digits + n_zeros + 1 > MAX_DIGITS) {
            return false;
        }
        for (n_digits += n_zeros + 1; n_zeros; n_zeros--) {
            digits *= 10;
        }
        digits = digits * 10 + (*p - '0');
    }
    if (p < end) {
        bool negative = *++p == '-';

        p += !is_digit(*p);
        for (; p < end; p++) {
            written_exponent = MIN(written_exponent * 10 + (*p - '0'), (int64_t)1 << 40);
        }
        written_exponent = negative ? -written_exponent : written_exponent;
    }
    *ret_digits = digits;
    *ret_exponent = digits ? exponent + n_zeros + written_exponent : 0;
    return true;
}

static bool parse_integer(const char *p, const char *end, bool negative, int64_t *ret)
{
    uint64_t digits, limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    int64_t exponent;

    if (!parse_decimal(p, end, &digits, &exponent) || exponent < 0 || exponent > MAX_DIGITS) {
        return false;
    }
    for (; exponent; exponent--) {
        if (__builtin_mul_overflow(digits, 10, &digits)) {
            return false;
        }
    }
    if (digits > limit) {
        return false;
    }
    *ret = negative ? (int64_t)-digits : (int64_t)digits;
    return true;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && is_digit(*p)) {
        p++;
    }
    return p;
}

bool number_parse(struct slice token, int64_t *ret_integer, double *ret_real)
{
    const char *p = token.data, *end = p + token.size;
    bool negative = *p == '-';
    char on_stack[TOKEN_ON_STACK];
    _cleanup_free_ char *on_heap = NULL;
    char *copy = on_stack;
    bool is_whole;

    p += negative;
    if (end - p < MAX_DIGITS) { // the short way for what nearly every number is
        const char *q = p;
        int64_t value = 0;

        while (q < end && is_digit(*q)) {
            value = value * 10 + (*q++ - '0');
        }
        if (q == end) {
            *ret_integer = negative ? -value : value;
            return true;
        }
    }
    if (parse_integer(p, end, negative, ret_integer)) {
        return true;
    }
    is_whole = skip_digits(p, end) == end;
    if (token.size >= sizeof(on_stack)) {
        copy = on_heap = xmalloc(token.size + 1);
    }
    memcpy(copy, token.data, token.size);
    copy[token.size] = '\0';
    *ret_real = strtod(copy, NULL);
    if (is_whole) {
        snprintf(on_stack, sizeof(on_stack), "%.*g", DBL_DIG, *ret_real);
        *ret_real = strtod(on_stack, NULL);
    }
    return number_real_to_integer(*ret_real, ret_integer);
}

bool number_real_to_integer(double real, int64_t *ret_integer)
{
    if (!(real >= -0x1p63 && real < 0x1p63) || trunc(real) != real) {
        return false;
    }
    *ret_integer = (int64_t)real;
    return true;
}

void number_put_integer(struct buf *buf, int64_t value)
{
    char text[MAX_DIGITS + 1], *p = text + sizeof(text);
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

    do {
        *--p = '0' + rest % 10;
        rest /= 10;
    } while (rest);
    if (value < 0) {
        *--p = '-';
    }
    buf_put(buf, p, text + sizeof(text) - p);
}

void number_put_real(struct buf *buf, double value)
{
    char text[32];
    int64_t integer;

    if (fabs(value) < 1e15 && number_real_to_integer(value, &integer)) {
        number_put_integer(buf, integer); // as %.15g would
        return;
    }
    value = value > DBL_MAX ? DBL_MAX : value < -DBL_MAX ? -DBL_MAX : value;
    snprintf(text, sizeof(text), "%.15g", value);
    if (strtod(text, NULL) != value) {
        snprintf(text, sizeof(text), "%.17g", value);
    }
    buf_puts(buf, text);
}
