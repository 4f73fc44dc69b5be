// SPDX-License-Identifier: Apache-2.0
#include "unit.h"
#include "json/emit.h"

static void test_strings(void **state)
{
    _cleanup_buf_ struct buf buf = {0};

    emit_string(&buf, SLICE("a\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9"));
    assert_string_equal(buf_cstr(&buf), "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9\"");
    buf_clear(&buf);
    emit_string(&buf, SLICE_EMPTY);
    assert_string_equal(buf_cstr(&buf), "\"\"");
}

static void test_canonical(void **state)
{
    static const char *const samples[][2] = {
        {" 1.0 ", "1"},
        {"[ 1e3 , -0.0, 2.50 ]", "[1000,0,2.5]"},
        {"{ }", "{}"},
        {"{\"z\":1,\"a\":{\"y\":[],\"b\":null}}", "{\"a\":{\"b\":null,\"y\":[]},\"z\":1}"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"},
        {"{\"\\u0061\":1,\"a\":2}", "{\"a\":2}"},
        {"\"\\u0041\\/\\u00e9\"", "\"A/\xc3\xa9\""},
        {"[true,false,null]", "[true,false,null]"},
        {"{\"ab\":1,\"a\":2}", "{\"a\":2,\"ab\":1}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        _cleanup_buf_ struct buf buf = {0};

        emit_canonical(&buf, slice_of(samples[i][0]));
        assert_string_equal(buf_cstr(&buf), samples[i][1]);
    }
}

static void test_commas(void **state)
{
    _cleanup_buf_ struct buf buf = {0};

    emit_next(&buf); // no comma before a value at top level
    buf_putc(&buf, '[');
    for (int i = 1; i < 4; i++) {
        emit_next(&buf);
        emit_integer(&buf, i);
    }
    emit_next(&buf);
    buf_putc(&buf, '{');
    emit_name(&buf, SLICE("a[\""));
    emit_next(&buf);
    emit_string(&buf, SLICE("[{,:"));
    emit_name(&buf, SLICE("b"));
    buf_puts(&buf, "[]");
    buf_putc(&buf, '}');
    emit_next(&buf);
    buf_puts(&buf, "{}");
    emit_next(&buf);
    emit_boolean(&buf, true);
    buf_putc(&buf, ']');
    assert_string_equal(buf_cstr(&buf), "[1,2,3,{\"a[\\\"\":\"[{,:\",\"b\":[]},{},true]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_commas),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
