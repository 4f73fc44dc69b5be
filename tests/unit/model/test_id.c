// SPDX-License-Identifier: Apache-2.0
#include "model/id.h"
#include "unit.h"

static void test_ids(void **state)
{
    static const char *const good[] = {"a", "_", "Z9", "_a_1", "Open_vSwitch"};
    static const char *const bad[] = {"", "1", "9a", "a-b", "a b", "a.b", "é", "aé", "a\n", " a"};

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        assert_true(id_is_valid(slice_of(good[i])));
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(id_is_valid(slice_of(bad[i])));
    }
}

static void test_versions(void **state)
{
    static const char *const good[] = {"0.0.0", "1.2.3", "10.20.30", "01.002.3"};
    static const char *const bad[] = {"",        "1",      "1.2",   "1.2.",   "1.2.3.",
                                      "1.2.3.4", ".1.2.3", "1..3",  "1.2.3a", "1.2.3 ",
                                      " 1.2.3",  "-1.2.3", "a.b.c", "1.2.",   "1,2,3"};

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        assert_true(version_is_valid(slice_of(good[i])));
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(version_is_valid(slice_of(bad[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_versions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
