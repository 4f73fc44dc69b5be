// SPDX-License-Identifier: Apache-2.0
#include "unit.h"
#include "json/cursor.h"

static void test_walk(void **state)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor c;
    int64_t integer;
    double real;

    cursor_init(
        &c,
        SLICE(" { \"a\" : [ 1 , -2.5 , \"x\\n\\u00e9\" ] ,\"b\\t\":{},\"c\":null , \"d\":true} "));
    assert_int_equal(cursor_kind(&c), JSON_KIND_OBJECT);
    assert_true(cursor_enter(&c));
    assert_slice_is(cursor_name(&c, &scratch), "a");
    assert_int_equal(cursor_kind(&c), JSON_KIND_ARRAY);
    assert_true(cursor_enter(&c));
    assert_true(cursor_number(&c, &integer, &real));
    assert_int_equal(integer, 1);
    assert_true(cursor_more(&c));
    assert_false(cursor_number(&c, &integer, &real));
    assert_true(real == -2.5);
    assert_true(cursor_more(&c));
    assert_int_equal(cursor_kind(&c), JSON_KIND_STRING);
    assert_slice_is(cursor_string(&c, &scratch), "x\n\xc3\xa9");
    assert_false(cursor_more(&c));
    assert_true(cursor_more(&c));
    assert_slice_is(cursor_name(&c, &scratch), "b\t");
    assert_false(cursor_enter(&c));
    assert_true(cursor_more(&c));
    assert_slice_is(cursor_name(&c, &scratch), "c");
    assert_int_equal(cursor_kind(&c), JSON_KIND_NULL);
    assert_slice_is(cursor_skip(&c), "null");
    assert_true(cursor_more(&c));
    assert_slice_is(cursor_name(&c, &scratch), "d");
    assert_int_equal(cursor_kind(&c), JSON_KIND_TRUE);
    assert_slice_is(cursor_skip(&c), "true");
    assert_false(cursor_more(&c));
    assert_ptr_equal(c.p, c.end);
}

static void test_skip(void **state)
{
    static const char *const values[] = {
        "null",          "-12.5e3", "\"a\\\"]b\"", "[]", "[\"]\",{\"}\":[\"\\\\\"]}]",
        "{\"a\":[1,2]}", "false",
    };

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        _cleanup_buf_ struct buf text = {0};
        struct cursor c;

        buf_printf(&text, "[%s , 7]", values[i]);
        cursor_init(&c, buf_slice(&text));
        assert_true(cursor_enter(&c));
        assert_slice_is(cursor_skip(&c), values[i]);
        assert_true(cursor_more(&c));
        assert_slice_is(cursor_skip(&c), "7");
        assert_false(cursor_more(&c));
    }
}

// Containers longer than the 64-byte blocks that cursor_skip() reads at once, with brackets, quotes
// and escapes at every position of a block.
static void test_skip_long(void **state)
{
    static const char *const pieces[] = {"\"[\"",   "\"\\\"]\"", "{\"}\":[1]}",
                                         "[[],{}]", "\"\\\\\"",  "12"};

    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        for (size_t padding = 0; padding < 130; padding++) {
            _cleanup_buf_ struct buf text = {0};
            struct cursor c;
            size_t size;

            buf_puts(&text, "[[\"");
            for (size_t j = 0; j < padding; j++) {
                buf_putc(&text, "x]["[j % 3]);
            }
            buf_printf(&text, "\",%s,%s]", pieces[i], pieces[(i + 1) % ARRAY_SIZE(pieces)]);
            size = text.size;
            buf_printf(&text, ",%0*d]", (int)(padding * 2 + 1), 0);
            cursor_init(&c, buf_slice(&text));
            assert_true(cursor_enter(&c));
            assert_int_equal(cursor_skip(&c).size, size - 1);
            assert_true(cursor_more(&c));
        }
    }
}

static void test_strings(void **state)
{
    static const char *const samples[][2] = {
        {"\"\"", ""},
        {"\"plain\"", "plain"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20ac\"", "A\xc3\xa9\xe2\x82\xac"},
        {"\"a\\ud83d\\uDE00z\"", "a\xf0\x9f\x98\x80z"},
    };
    _cleanup_buf_ struct buf scratch = {0};

    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        struct cursor c;

        cursor_init(&c, slice_of(samples[i][0]));
        assert_slice_is(cursor_string(&c, &scratch), samples[i][1]);
        assert_ptr_equal(c.p, c.end);
    }
}

static void test_count(void **state)
{
    assert_int_equal(json_count(SLICE("[]")), 0);
    assert_int_equal(json_count(SLICE(" [1, [2,3], {\"a\":4}] ")), 3);
    assert_int_equal(json_count(SLICE("{}")), 0);
    assert_int_equal(json_count(SLICE("{\"a\":[1,2],\"b\" : 3}")), 2);
    assert_int_equal(json_kind_of(SLICE("  12 ")), JSON_KIND_NUMBER);
}

static void test_member(void **state)
{
    struct slice object = SLICE(" {\"a\":1, \"b\\u0062\" : [2,{\"c\":3}],\"a\":\"x\" } ");

    assert_slice_is(json_member(object, "a"), "\"x\"");
    assert_slice_is(json_member(object, "bb"), "[2,{\"c\":3}]");
    assert_null(json_member(object, "c").data);
    assert_null(json_member(SLICE("{}"), "a").data);
    assert_null(json_member(SLICE("[\"a\",1]"), "a").data);
}

static void test_read(void **state)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct slice string = SLICE_EMPTY;
    bool boolean = false;
    uint64_t count = 7;

    assert_true(json_read_boolean(SLICE(" true"), &boolean) && boolean);
    assert_true(json_read_boolean(SLICE("false"), &boolean) && !boolean);
    assert_true(json_read_count(SLICE("12e1"), &count) && count == 120);
    assert_true(json_read_string(SLICE("\"a\\n\""), &scratch, &string));
    assert_slice_is(string, "a\n");
    assert_false(json_read_boolean(SLICE("null"), &boolean));
    assert_false(json_read_boolean(SLICE_EMPTY, &boolean));
    assert_false(json_read_count(SLICE("-1"), &count));
    assert_false(json_read_count(SLICE("1.5"), &count));
    assert_false(json_read_count(SLICE("\"1\""), &count));
    assert_false(json_read_count(SLICE_EMPTY, &count));
    assert_int_equal(count, 120);
    assert_false(json_read_string(SLICE("1"), &scratch, &string));
    assert_false(json_read_string(SLICE_EMPTY, &scratch, &string));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),      cmocka_unit_test(test_skip),
        cmocka_unit_test(test_skip_long), cmocka_unit_test(test_strings),
        cmocka_unit_test(test_count),     cmocka_unit_test(test_member),
        cmocka_unit_test(test_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
