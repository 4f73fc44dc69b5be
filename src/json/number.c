// SPDX-License-Identifier: Apache-2.0
#include "json/number.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

#define MAX_DIGITS     19  // of an integer that may fit in 64 bits
#define TOKEN_ON_STACK 128 // bytes; longer tokens are copied to the heap

// 2^63 is read as this value, because clients expect this text for it. The 17 digits of 2^63 itself
// would be read as an integer.
#define AFTER_INT64_MAX 9.22337203685478e+18

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Computes the value of the token without its sign as digits x 10^exponent, without leading and
// trailing zeros in the digits. False if there are more digits than an integer in range can have.
static bool parse_decimal(const char *p, const char *end, uint64_t *ret_digits,
                          int64_t *ret_exponent)
{
    uint64_t digits = 0;
    int64_t exponent = 0, written_exponent = 0;
    unsigned n_digits = 0, n_zeros = 0; // n_zeros: zeros since the last other digit
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

static bool to_integer(uint64_t digits, int64_t exponent, bool negative, int64_t *ret)
{
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;

    if (exponent < 0 || exponent > MAX_DIGITS) {
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

// Computes the same result as strtod() by one division of two values that a double holds exactly:
// the division rounds once. False if the values are not exact.
static bool to_fraction(uint64_t digits, int64_t exponent, bool negative, double *ret)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double magnitude;

    if (FLT_EVAL_METHOD || digits > 1ull << DBL_MANT_DIG || exponent >= 0 ||
        exponent <= -(int64_t)ARRAY_SIZE(powers)) {
        return false;
    }
    magnitude = (double)digits / powers[-exponent];
    *ret = negative ? -magnitude : magnitude;
    return true;
}

// Parses any token that is no integer. strtod() rounds correctly.
static double parse_real(struct slice token)
{
    char on_stack[TOKEN_ON_STACK];
    _cleanup_free_ char *on_heap = token.size < sizeof(on_stack) ? NULL : xmalloc(token.size + 1);
    char *copy = on_heap ? on_heap : on_stack;

    memcpy(copy, token.data, token.size);
    copy[token.size] = '\0';
    return strtod(copy, NULL);
}

bool number_parse(struct slice token, int64_t *ret_integer, double *ret_real)
{
    const char *p = token.data, *end = p + token.size;
    bool negative = *p == '-', is_short;
    int64_t exponent;
    uint64_t digits;

    p += negative;
    assert(end > p);
    if (end - p < MAX_DIGITS) { // nearly every number is a short integer
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
    is_short = parse_decimal(p, end, &digits, &exponent);
    if (is_short && to_integer(digits, exponent, negative, ret_integer)) {
        return true;
    }
    if (!is_short || !to_fraction(digits, exponent, negative, ret_real)) {
        *ret_real = parse_real(token);
    }
    if (*ret_real == 0x1p63) {
        *ret_real = AFTER_INT64_MAX;
    }
    return false;
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

// Writes a value with at most three decimals, as %.15g would but faster. A decimal number of at
// most 15 digits is the only one of its length that is read as its value. False if there are more
// decimals.
static bool put_decimals(struct buf *buf, double value)
{
    double magnitude = fabs(value);
    uint64_t thousandths;
    char text[3];
    size_t n = sizeof(text);

    assert(value != trunc(value) || magnitude >= 1e15); // integers are printed elsewhere
    if (FLT_EVAL_METHOD || !(magnitude < 1e12)) {
        return false;
    }
    thousandths = (uint64_t)(magnitude * 1000 + 0.5);
    if ((double)thousandths / 1000 != magnitude) {
        return false;
    }
    text[0] = '0' + thousandths / 100 % 10;
    text[1] = '0' + thousandths / 10 % 10;
    text[2] = '0' + thousandths % 10;
    while (n > 1 && text[n - 1] == '0') {
        n--;
    }
    if (value < 0) {
        buf_putc(buf, '-');
    }
    number_put_integer(buf, (int64_t)(thousandths / 1000));
    buf_putc(buf, '.');
    buf_put(buf, text, n);
    return true;
}

void number_put_real(struct buf *buf, double value)
{
    char text[32];
    int64_t integer;

    if (fabs(value) < 1e15 && number_real_to_integer(value, &integer)) {
        number_put_integer(buf, integer); // the same text as %.15g
        return;
    }
    if (put_decimals(buf, value)) {
        return;
    }
    value = value > DBL_MAX ? DBL_MAX : value < -DBL_MAX ? -DBL_MAX : value;
    snprintf(text, sizeof(text), "%.15g", value);
    if (strtod(text, NULL) != value) {
        snprintf(text, sizeof(text), "%.17g", value);
    }
    buf_puts(buf, text);
}
