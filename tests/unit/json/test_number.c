// SPDX-License-Identifier: Apache-2.0
#include "basic/hash.h"
#include "unit.h"
#include "json/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

struct sample {
    const char *token;
    bool is_integer;
    const char *printed;
};

static const struct sample samples[] = {
    {"0", true, "0"},
    {"-0", true, "0"},
    {"1.0", true, "1"},
    {"1e3", true, "1000"},
    {"1E+3", true, "1000"},
    {"-0.0", true, "0"},
    {"0e99999999999999999999", true, "0"},
    {"0.5e1", true, "5"},
    {"1.50e1", true, "15"},
    {"1000e-3", true, "1"},
    {"100", true, "100"},
    {"123456789012345678.0", true, "123456789012345678"},
    {"9223372036854775807", true, "9223372036854775807"},
    {"9223372036854775807.000", true, "9223372036854775807"},
    {"92233720368547758.07e2", true, "9223372036854775807"},
    {"-9223372036854775808", true, "-9223372036854775808"},
    {"9223372036854775808", false, "9.22337203685478e+18"},
    {"-9223372036854775809", false, "-9.2233720368547758e+18"},
    {"9223372036854775800.1", false, "9.22337203685478e+18"},
    {"18446744073709551616", false, "1.8446744073709552e+19"},
    {"1e18", true, "1000000000000000000"},
    {"1e19", false, "1e+19"},
    {"1.5e300", false, "1.5e+300"},
    {"1e-5", false, "1e-05"},
    {"0.1", false, "0.1"},
    {"0.30000000000000004", false, "0.30000000000000004"},
    {"3.14159265358979", false, "3.14159265358979"},
    {"2.5", false, "2.5"},
    {"-2.5", false, "-2.5"},
    {"1.7976931348623157e308", false, "1.7976931348623157e+308"},
    {"5e-324", false, "4.94065645841247e-324"},
    {"1e-400", false, "0"},
    {"-1e-400", false, "0"},
    {"2e-324", false, "0"},
    {"3e-324", false, "4.94065645841247e-324"},
    {"0e400", true, "0"},
    {"12345678901234567890", false, "1.2345678901234567e+19"},
    {"12345678901234567890.0", false, "1.2345678901234567e+19"},
    {"1234567890123456789e1", false, "1.2345678901234567e+19"},
    {"0.99999999999999999999999", false, "1"},
    {"9007199254740993", true, "9007199254740993"},
    {"9007199254740993.5", false, "9007199254740994"},
    {"1e999", false, "1.7976931348623157e+308"},
    {"-1e999", false, "-1.7976931348623157e+308"},
    {"1.00000000000000000000000000000000000000001", false, "1"},
    {"123456789012345678.808", false, "1.2345678901234568e+17"},
};

static void test_samples(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        _cleanup_buf_ struct buf printed = {0};
        int64_t integer;
        double real;

        if (number_parse(slice_of(samples[i].token), &integer, &real)) {
            assert_true(samples[i].is_integer);
            number_put_integer(&printed, integer);
        } else {
            assert_false(samples[i].is_integer);
            number_put_real(&printed, real);
        }
        assert_string_equal(buf_cstr(&printed), samples[i].printed);
    }
}

// The fast paths give the same results as the C library.
static void check_like_libc(const char *token)
{
    _cleanup_buf_ struct buf printed = {0};
    char expected[40];
    int64_t integer;
    double real;

    if (number_parse(slice_of(token), &integer, &real)) {
        assert_true(strtod(token, NULL) == (double)integer);
        return;
    }
    assert_true(strtod(token, NULL) == real);
    if (isinf(real) || real == 0) {
        return; // not printed as it is
    }
    snprintf(expected, sizeof(expected), "%.15g", real);
    if (strtod(expected, NULL) != real) {
        snprintf(expected, sizeof(expected), "%.17g", real);
    }
    number_put_real(&printed, real);
    assert_string_equal(buf_cstr(&printed), expected);
}

static void put_digits(struct buf *token, uint64_t random, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        buf_putc(token, (char)('0' + hash_mix(random + i) % 10));
    }
}

// Long digit strings, large exponents and denormals.
static void test_any_notation_like_libc(void **state)
{
    for (uint64_t i = 0; i < 50000; i++) {
        uint64_t random = hash_mix(i * 1000);
        _cleanup_buf_ struct buf token = {0};

        buf_puts(&token, random % 2 ? "-" : "");
        buf_putc(&token, (char)('1' + random % 9));
        put_digits(&token, random, (unsigned)(random / 32 % (i % 10 ? 24 : 400)));
        if (random / 2 % 2) {
            buf_putc(&token, '.');
            put_digits(&token, random / 3, 1 + (unsigned)(random / 64 % (i % 7 ? 24 : 400)));
        }
        if (random / 4 % 2) {
            buf_printf(&token, "%c%s%d", random / 8 % 2 ? 'e' : 'E', random / 16 % 2 ? "-" : "+",
                       (int)(random / 128 % 340));
        }
        check_like_libc(buf_cstr(&token));
    }
}

static void test_like_libc(void **state)
{
    for (unsigned i = 0; i < 50000; i++) {
        uint64_t random = hash_mix(i);
        unsigned digits = 1 + random % 17, decimals = random / 17 % 26;
        char token[64];

        snprintf(token, sizeof(token), "%s%.*fe-%u", i % 2 ? "-" : "", (int)(i % 5),
                 (double)(hash_mix(random + 1) % (uint64_t)pow(10, digits)) / 100, decimals);
        check_like_libc(token);
        snprintf(token, sizeof(token), "%s%" PRIu64 ".%0*u", i % 2 ? "-" : "",
                 hash_mix(random + 2) % (uint64_t)pow(10, digits), 1 + (int)(i % 4),
                 (unsigned)(random % 10));
        check_like_libc(token);
    }
}

static void test_long_token(void **state)
{
    _cleanup_buf_ struct buf token = {0};
    int64_t integer;
    double real;

    buf_putc(&token, '1');
    for (int i = 0; i < 300; i++) {
        buf_putc(&token, '0');
    }
    assert_false(number_parse(buf_slice(&token), &integer, &real));
    assert_true(real == 1e300);
    buf_puts(&token, "e-300");
    assert_true(number_parse(buf_slice(&token), &integer, &real));
    assert_int_equal(integer, 1);
}

static void test_real_to_integer(void **state)
{
    int64_t integer;

    assert_true(number_real_to_integer(-0x1p63, &integer));
    assert_true(integer == INT64_MIN);
    assert_false(number_real_to_integer(0x1p63, &integer));
    assert_false(number_real_to_integer(1.5, &integer));
    assert_false(number_real_to_integer(NAN, &integer));
    assert_false(number_real_to_integer(INFINITY, &integer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_like_libc),
        cmocka_unit_test(test_any_notation_like_libc),
        cmocka_unit_test(test_long_token),
        cmocka_unit_test(test_real_to_integer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
