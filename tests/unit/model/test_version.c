// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "model/version.h"

static void test_parse(void **state)
{
    static const char *const good[] = {"0.0.0", "1.2.3", "10.020.300", "18446744073709551615.0.1"};
    static const char *const bad[] = {"",       "1",       "1.2",    "1.2.",
                                      "1.2.3.", "1.2.3.4", "a.b.c",  "1..3",
                                      ".1.2",   " 1.2.3",  "1.2.3 ", "-1.2.3",
                                      "1.+2.3", "1,2,3",   "1.2.3x", "18446744073709551616.0.1"};
    struct version version = {{7, 7, 7}};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(version_parse(bad[i], &version));
        assert_int_equal(version.parts[0], 7);
    }
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        assert_true(version_parse(good[i], &version));
    }
    assert_true(version_parse("10.020.300", &version));
    assert_int_equal(version.parts[0], 10);
    assert_int_equal(version.parts[1], 20);
    assert_int_equal(version.parts[2], 300);
}

static const struct {
    const char *a;
    const char *b;
    int order;
} pairs[] = {
    {"1.2.3", "1.2.3", 0},  {"1.2.3", "1.10.0", -1}, {"2.0.0", "1.99.99", 1},
    {"0.0.1", "0.0.2", -1}, {"1.02.3", "1.2.3", 0},  {"18446744073709551615.0.0", "1.0.0", 1},
};

static void test_operators(void **state)
{
    static const struct {
        const char *name;
        bool results[3]; // of less, equal, greater
    } operators[] = {
        {"<", {true, false, false}}, {"<=", {true, true, false}}, {"==", {false, true, false}},
        {">=", {false, true, true}}, {">", {false, false, true}}, {"!=", {true, false, true}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        struct version a, b;

        assert_true(version_parse(pairs[i].a, &a));
        assert_true(version_parse(pairs[i].b, &b));
        for (size_t j = 0; j < ARRAY_SIZE(operators); j++) {
            bool result;

            assert_true(version_test(&a, operators[j].name, &b, &result));
            assert_int_equal(result, operators[j].results[pairs[i].order + 1]);
            assert_true(version_test(&b, operators[j].name, &a, &result));
            assert_int_equal(result, operators[j].results[1 - pairs[i].order]);
        }
    }
}

static void test_unknown_operators(void **state)
{
    static const char *const unknown[] = {"", "=", "<>", "eq", "=<", "< ", "!"};
    struct version a = {{1, 2, 3}};
    bool result = true;

    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        assert_false(version_test(&a, unknown[i], &a, &result));
        assert_true(result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_operators),
        cmocka_unit_test(test_unknown_operators),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
