// SPDX-License-Identifier: Apache-2.0
#include "basic/dirs.h"
#include "unit.h"

static void test_environment(void **state)
{
    setenv("OVS_RUNDIR", "/somewhere/run", 1);
    setenv("OVS_SYSCONFDIR", "/somewhere/etc", 1);
    unsetenv("OVS_DBDIR");
    assert_string_equal(dirs_run(), "/somewhere/run");
    assert_string_equal(dirs_db(), "/somewhere/etc/openvswitch");
}

static void test_path(void **state)
{
    _cleanup_free_ char *relative = dirs_path("/d", "name");
    _cleanup_free_ char *absolute = dirs_path("/d", "/e/name");

    assert_string_equal(relative, "/d/name");
    assert_string_equal(absolute, "/e/name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
