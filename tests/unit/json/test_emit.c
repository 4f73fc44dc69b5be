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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_canonical),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
