// SPDX-License-Identifier: Apache-2.0
#include "model/error.h"
#include "unit.h"

#include <errno.h>

// Consumes `error`.
static void check(struct ovsdb_error *error, const char *json, const char *text)
{
    char *actual_text = error_text(error);
    struct buf buf = {0};

    error_put(&buf, error);
    assert_string_equal(buf_cstr(&buf), json);
    assert_string_equal(actual_text, text);
    buf_done(&buf);
    free(actual_text);
    error_free(error);
}

static void test_forms(void **state)
{
    check(error_new(ERROR_ABORTED, NULL), "{\"error\":\"aborted\"}", "aborted");
    check(error_new(ERROR_OVSDB, "%d \"x\"", 5),
          "{\"details\":\"5 \\\"x\\\"\",\"error\":\"ovsdb error\"}", "ovsdb error: 5 \"x\"");
    check(error_syntax(SLICE("{ \"b\":1.0, \"a\": [] }"), "bad %s", "thing"),
          "{\"details\":\"bad thing\",\"error\":\"syntax "
          "error\",\"syntax\":\"{\\\"a\\\":[],\\\"b\\\":1}\"}",
          "syntax \"{\"a\":[],\"b\":1}\": syntax error: bad thing");
    check(error_syntax_tag(ERROR_UNKNOWN_COLUMN, SLICE("[]"), "no %s", "c"),
          "{\"details\":\"no c\",\"error\":\"unknown column\",\"syntax\":\"[]\"}",
          "syntax \"[]\": unknown column: no c");
    check(error_io(-ENOENT, "open %s", "f"),
          "{\"details\":\"open f: No such file or directory\",\"error\":\"I/O error\"}",
          "I/O error: open f: No such file or directory");
    check(error_io(ENOSPC, "write"),
          "{\"details\":\"write: No space left on device\",\"error\":\"I/O error\"}",
          "I/O error: write: No space left on device");
}

static void test_prefix(void **state)
{
    struct ovsdb_error *error = error_new(ERROR_RANGE, "too big");

    error_prefix(error, "column %s: ", "c");
    error_prefix(error, "table %s, ", "T");
    check(error, "{\"details\":\"table T, column c: too big\",\"error\":\"range error\"}",
          "range error: table T, column c: too big");
    error = error_new(ERROR_RANGE, NULL);
    error_prefix(error, "row 5");
    check(error, "{\"details\":\"row 5\",\"error\":\"range error\"}", "range error: row 5");
}

// Text that is no JSON is shown unchanged.
static void test_not_json(void **state)
{
    check(error_syntax(SLICE("{\"a\":"), "unfinished"),
          "{\"details\":\"unfinished\",\"error\":\"syntax error\",\"syntax\":\"{\\\"a\\\":\"}",
          "syntax \"{\"a\":\": syntax error: unfinished");
}

static void check_cut(size_t n)
{
    struct ovsdb_error *error;
    struct buf text = {0};

    buf_putc(&text, '"');
    for (size_t i = 0; i < n; i++) {
        buf_puts(&text, "é");
    }
    buf_putc(&text, '"');
    error = error_syntax(buf_slice(&text), "long");
    assert_true(strlen(error->syntax) <= 4096 + 3);
    assert_string_equal(error->syntax + strlen(error->syntax) - 5, "é...");
    error_free(error);
    buf_done(&text);
}

static void test_long_syntax(void **state)
{
    check_cut(4000);
    check_cut(4001);
    check_cut(100000);
}

static void test_free_nothing(void **state)
{
    error_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_not_json),     cmocka_unit_test(test_long_syntax),
        cmocka_unit_test(test_free_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
