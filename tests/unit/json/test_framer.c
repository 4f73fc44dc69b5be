// SPDX-License-Identifier: Apache-2.0
#include "unit.h"
#include "json/framer.h"

struct sample {
    const char *text;
    const char *error; // NULL: valid
    size_t offset;     // of the error
};

static const struct sample samples[] = {
    {"{}", NULL, 0},
    {"[]", NULL, 0},
    {"[ ]", NULL, 0},
    {" { } ", NULL, 0},
    {"null", NULL, 0},
    {"true", NULL, 0},
    {"false", NULL, 0},
    {"\"\"", NULL, 0},
    {"0", NULL, 0},
    {"-0", NULL, 0},
    {"-0.0e-0", NULL, 0},
    {"1234567890", NULL, 0},
    {"1.5E+300", NULL, 0},
    {"[1,2.5,-3e1]", NULL, 0},
    {"{\"a\":[{\"b\":null},[],{}],\"c\":\"d\"}", NULL, 0},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"", NULL, 0},
    {"\"\\ud83d\\ude00\"", NULL, 0},
    {"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", NULL, 0},
    {"\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\x7f\"", NULL, 0},
    {"", "empty", 0},
    {"  ", "empty", 2},
    {"[", "incomplete", 1},
    {"{\"a\"", "incomplete", 4},
    {"\"abc", "incomplete", 4},
    {"tru", "incomplete", 3},
    {"-", "a digit expected", 1},
    {"1.", "a digit expected", 2},
    {"1e", "a digit expected", 2},
    {"1e+", "a digit expected", 3},
    {"hello", "a value expected", 0},
    {"+1", "a value expected", 0},
    {".5", "a value expected", 0},
    {"01", "leading zero", 1},
    {"-01", "leading zero", 2},
    {"nul", "incomplete", 3},
    {"nulL", "invalid literal", 3},
    {"[1,]", "a value expected", 3},
    {"[,1]", "a value expected", 1},
    {"[1 2]", "',' or ']' expected", 3},
    {"[1}", "',' or ']' expected", 2},
    {"{\"a\":1]", "',' or '}' expected", 6},
    {"{\"a\":1,}", "a member name expected", 7},
    {"{,}", "a member name expected", 1},
    {"{1:2}", "a member name expected", 1},
    {"{\"a\" 1}", "':' expected", 5},
    {"{\"a\":}", "a value expected", 5},
    {"]", "a value expected", 0},
    {"{} {}", "more than one value", 3},
    {"1 2", "more than one value", 2},
    {"\"a\nb\"", "control character in string", 2},
    {"\"\x01\"", "control character in string", 1},
    {"\"\\x\"", "invalid escape", 2},
    {"\"\\u00g0\"", "invalid \\u escape", 5},
    {"\"\\u0000\"", "\\u0000 is not allowed", 6},
    {"\"\\ud800\"", "lone surrogate", 7},
    {"\"\\ud800x\"", "lone surrogate", 7},
    {"\"\\ud800\\n\"", "lone surrogate", 8},
    {"\"\\ud800\\u0041\"", "lone surrogate", 12},
    {"\"\\udc00\"", "lone surrogate", 6},
    {"\"\xff\"", "invalid UTF-8", 1},
    {"\"\xc0\x80\"", "invalid UTF-8", 1},
    {"\"\xe0\x80\x80\"", "invalid UTF-8", 2},
    {"\"\xed\xa0\x80\"", "invalid UTF-8", 2},
    {"\"\xf0\x80\x80\x80\"", "invalid UTF-8", 2},
    {"\"\xf4\x90\x80\x80\"", "invalid UTF-8", 2},
    {"\"\xe2\x82\"", "invalid UTF-8", 3},
    {"\"\x80\"", "invalid UTF-8", 1},
};

static void test_check(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        const struct sample *s = &samples[i];
        size_t offset = 0;
        const char *error = framer_check(slice_of(s->text), SIZE_MAX, NULL, &offset);

        if (!s->error != !error || (error && (strcmp(error, s->error) || offset != s->offset))) {
            fail_msg("sample %zu <%s>: got %s at %zu, not %s at %zu", i, s->text,
                     error ? error : "valid", offset, s->error ? s->error : "valid", s->offset);
        }
    }
}

static void test_position(void **state)
{
    static const struct {
        const char *text;
        size_t offset, line, column;
    } places[] = {
        {"", 0, 1, 1},
        {"abc", 2, 1, 3},
        {"a\nb", 1, 1, 2},
        {"a\nb", 2, 2, 1},
        {"\n\n", 2, 3, 1},
        {"é€x", 5, 1, 3},
        {"é\n\xf0\x9f\x98\x80x", 7, 2, 2},
    };

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        size_t line, column;

        framer_position(slice_of(places[i].text), places[i].offset, &line, &column);
        assert_int_equal(line, places[i].line);
        assert_int_equal(column, places[i].column);
    }
}

// The result does not depend on how the bytes are split into pieces.
static void test_splits(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        _cleanup_buf_ struct buf text = {0};

        buf_puts(&text, samples[i].text);
        buf_putc(&text, ' '); // ends a number
        for (size_t split = 0; split <= text.size; split++) {
            struct framer whole, pieces;
            size_t n_whole, n1, n2 = 0;
            enum framer_status status_whole, status;

            framer_init(&whole, SIZE_MAX);
            framer_init(&pieces, SIZE_MAX);
            status_whole = framer_feed(&whole, text.data, text.size, &n_whole);
            status = framer_feed(&pieces, text.data, split, &n1);
            if (status == FRAMER_MORE) {
                status = framer_feed(&pieces, text.data + split, text.size - split, &n2);
            }
            assert_int_equal(status, status_whole);
            assert_int_equal(n1 + n2, n_whole);
            if (status == FRAMER_ERROR) {
                assert_string_equal(framer_error(&pieces), framer_error(&whole));
            }
            assert_int_equal(pieces.offset, whole.offset);
        }
    }
}

static void test_stream_of_values(void **state)
{
    static const char text[] = "{\"a\":1} [2]\n\"x\"3 true4[5]";
    static const char *const values[] = {"{\"a\":1}", "[2]", "\"x\"", "3", "true", "4", "[5]"};
    struct framer framer;
    struct slice rest = SLICE(text);
    size_t n;

    framer_init(&framer, SIZE_MAX);
    assert_true(framer_is_idle(&framer));
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        assert_int_equal(framer_feed(&framer, rest.data, rest.size, &n), FRAMER_DONE);
        assert_int_equal(framer.offset, strlen(values[i]));
        assert_slice_is((struct slice){rest.data + n - framer.offset, framer.offset}, values[i]);
        assert_true(framer_is_idle(&framer));
        rest = (struct slice){rest.data + n, rest.size - n};
    }
    assert_int_equal(rest.size, 0);
}

static void test_size_limit(void **state)
{
    size_t offset;

    assert_null(framer_check(SLICE("[1,2,3,4]"), 9, NULL, NULL));
    assert_string_equal(framer_check(SLICE("[1,2,3,4]"), 8, NULL, &offset), "too long");
    assert_int_equal(offset, 8);
    assert_string_equal(framer_check(SLICE("\"abcdefgh\""), 8, NULL, NULL), "too long");
    // White space around a value does not count.
    assert_null(framer_check(SLICE("      [1,2,3,4]      "), 9, NULL, NULL));
}

static void test_depth_limit(void **state)
{
    static char text[2 * FRAMER_MAX_DEPTH + 2];

    memset(text, '[', FRAMER_MAX_DEPTH);
    memset(text + FRAMER_MAX_DEPTH, ']', FRAMER_MAX_DEPTH);
    assert_null(framer_check((struct slice){text, 2 * FRAMER_MAX_DEPTH}, SIZE_MAX, NULL, NULL));
    memset(text, '[', FRAMER_MAX_DEPTH + 1);
    assert_string_equal(framer_check((struct slice){text, sizeof(text)}, SIZE_MAX, NULL, NULL),
                        "nested too deeply");
}

static void test_error_is_final(void **state)
{
    struct framer framer;
    size_t n;

    framer_init(&framer, SIZE_MAX);
    assert_int_equal(framer_feed(&framer, "[}", 2, &n), FRAMER_ERROR);
    assert_int_equal(n, 1);
    assert_int_equal(framer_feed(&framer, "]", 1, &n), FRAMER_ERROR);
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),          cmocka_unit_test(test_position),
        cmocka_unit_test(test_splits),         cmocka_unit_test(test_stream_of_values),
        cmocka_unit_test(test_size_limit),     cmocka_unit_test(test_depth_limit),
        cmocka_unit_test(test_error_is_final),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
