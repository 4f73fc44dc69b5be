// SPDX-License-Identifier: Apache-2.0
#include "monitor/chunks.h"
#include "unit.h"

static void test_take_and_put(void **state)
{
    _cleanup_(chunks_done) struct chunks chunks = {0};
    _cleanup_buf_ struct buf buf = {0}, copy = {0};

    chunks_take(&chunks, &buf);
    assert_int_equal(chunks.n, 0);
    buf_puts(&buf, "abc");
    chunks_take(&chunks, &buf);
    assert_int_equal(buf.size, 0);
    buf_puts(&buf, "de");
    chunks_take(&chunks, &buf);
    assert_int_equal(chunks.n, 2);
    assert_int_equal(chunks.size, 5);
    chunks_put(&copy, &chunks);
    assert_string_equal(buf_cstr(&copy), "abcde");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_take_and_put)};

    return cmocka_run_group_tests_name("chunks", tests, NULL, NULL);
}
