// SPDX-License-Identifier: Apache-2.0
// A refusal is new when its subject is, or its reason has changed, or after a success.
#include "unit.h"

#include "daemon/cluster/refusals.h"

#include <stdio.h>

static void test_changes(void **state)
{
    struct refusals refusals = {0};

    assert_true(refusals_add(&refusals, "a", "x"));
    assert_false(refusals_add(&refusals, "a", "x"));
    assert_true(refusals_add(&refusals, "b", "x"));
    assert_true(refusals_add(&refusals, "a", "y"));
    assert_true(refusals_add(&refusals, "a", "x"));
    refusals_forget(&refusals, "c");
    refusals_forget(&refusals, "a");
    assert_false(refusals_add(&refusals, "b", "x"));
    assert_true(refusals_add(&refusals, "a", "x"));
    refusals_done(&refusals);
}

// The oldest one gives way.
static void test_bound(void **state)
{
    struct refusals refusals = {0};
    char name[16];

    for (int i = 0; i <= REFUSALS_KEPT; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        assert_true(refusals_add(&refusals, name, "x"));
    }
    assert_false(refusals_add(&refusals, "s1", "x"));
    assert_true(refusals_add(&refusals, "s0", "x"));
    refusals_done(&refusals);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
