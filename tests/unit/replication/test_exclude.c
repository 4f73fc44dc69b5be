// SPDX-License-Identifier: Apache-2.0
#include "replication/exclude.h"
#include "unit.h"

static void assert_list(const char *text, const char *expected)
{
    struct exclude exclude = {.n_names = 0};
    _cleanup_buf_ struct buf printed = {0};
    char *bad = NULL;

    assert_true(exclude_parse(&exclude, text, &bad));
    exclude_put(&exclude, &printed);
    assert_string_equal(buf_cstr(&printed), expected);
    exclude_done(&exclude);
}

static void test_lists(void **state)
{
    assert_list("", "");
    assert_list("a:b", "a:b");
    assert_list("c:d,a:b,c:d,a:a", "a:a,a:b,c:d");
    assert_list("a:b,", "a:b");
}

static void test_bad(void **state)
{
    static const char *const samples[][2] = {
        {"bad", "bad"}, {"a:b,c", "c"}, {":b", ":b"}, {"a:", "a:"}, {"a:b:c", "a:b:c"}, {",", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        struct exclude exclude = {.n_names = 0};
        char *bad = NULL;

        assert_false(exclude_parse(&exclude, samples[i][0], &bad));
        assert_string_equal(bad, samples[i][1]);
        free(bad);
    }
}

static void test_has(void **state)
{
    struct exclude exclude = {.n_names = 0};
    char *bad = NULL;

    assert_true(exclude_parse(&exclude, "db:table,db2:other", &bad));
    assert_true(exclude_has(&exclude, "db", "table"));
    assert_true(exclude_has(&exclude, "db2", "other"));
    assert_false(exclude_has(&exclude, "db", "other"));
    assert_false(exclude_has(&exclude, "d", "b:table"));
    assert_false(exclude_has(&exclude, "db", "tables"));
    exclude_done(&exclude);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
