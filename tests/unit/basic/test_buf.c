// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

static void test_grow(void **state)
{
    _cleanup_buf_ struct buf buf = {0};

    for (int i = 0; i < 10000; i++) {
        buf_putc(&buf, 'a' + i % 26);
    }
    assert_int_equal(buf.size, 10000);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(buf.data[i], 'a' + i % 26);
    }
}

static void test_put(void **state)
{
    _cleanup_buf_ struct buf buf = {0};

    buf_puts(&buf, "abc");
    buf_put(&buf, NULL, 0);
    buf_put_slice(&buf, SLICE("def"));
    buf_printf(&buf, "%d%s", 12345, "x");
    assert_string_equal(buf_cstr(&buf), "abcdef12345x");
    assert_int_equal(buf.size, 12);
    buf_consume(&buf, 4);
    assert_string_equal(buf_cstr(&buf), "ef12345x");
    buf_consume(&buf, 8);
    assert_int_equal(buf.size, 0);
}

static void test_printf_long(void **state)
{
    _cleanup_buf_ struct buf buf = {0};

    buf_printf(&buf, "%0*d", 5000, 7);
    assert_int_equal(buf.size, 5000);
    assert_int_equal(buf.data[4999], '7');
}

static void test_steal(void **state)
{
    struct buf buf = {0};
    _cleanup_free_ char *text = NULL;

    buf_puts(&buf, "mine");
    text = buf_steal(&buf);
    assert_string_equal(text, "mine");
    assert_null(buf.data);
    assert_int_equal(buf.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_printf_long),
        cmocka_unit_test(test_steal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
