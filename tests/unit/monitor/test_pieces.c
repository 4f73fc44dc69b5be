// SPDX-License-Identifier: Apache-2.0
#include "monitor/pieces.h"
#include "unit.h"

static void test_pieces(void **state)
{
    _cleanup_(pieces_done) struct pieces pieces = {0};
    _cleanup_buf_ struct buf buf = {0}, copy = {0};

    pieces_take(&pieces, &buf);
    assert_int_equal(pieces.n, 0);
    buf_puts(&buf, "abc");
    pieces_take(&pieces, &buf);
    assert_int_equal(buf.size, 0);
    buf_puts(&buf, "de");
    pieces_take(&pieces, &buf);
    assert_int_equal(pieces.n, 2);
    assert_int_equal(pieces.size, 5);
    pieces_put(&copy, &pieces);
    assert_string_equal(buf_cstr(&copy), "abcde");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pieces)};

    return cmocka_run_group_tests_name("pieces", tests, NULL, NULL);
}
