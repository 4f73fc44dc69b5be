// SPDX-License-Identifier: Apache-2.0
#include "daemon/admin/client_limits.h"
#include "unit.h"

#include "basic/alloc.h"

#include <errno.h>
#include <stdlib.h>

#define OPTION(member) (LIMITS_OPTION + (int)offsetof(struct limits, member))

static void test_valid_and_invalid_values(void **state)
{
    static const struct {
        int option;
        const char *argument;
        size_t value; // 0: invalid
    } table[] = {
        {OPTION(net.max_connections), "1", 1},
        {OPTION(net.max_connections), "20000", 20000},
        {OPTION(net.max_connections), "0", 0},
        {OPTION(net.max_connections), "5K", 0},
        {OPTION(net.max_connections), "", 0},
        {OPTION(net.max_connections), " 5", 0},
        {OPTION(net.max_accept_rate), "1000000", 1000000},
        {OPTION(net.max_accept_rate), "1000001", 0},
        {OPTION(net.max_message), "4096", 4096},
        {OPTION(net.max_message), "3K", 3072},
        {OPTION(net.max_message), "5M", 5 << 20},
        {OPTION(net.max_message), "2G", (size_t)2 << 30},
        {OPTION(net.max_message), "2Gi", 0},
        {OPTION(net.max_message), "2T", 0},
        {OPTION(net.max_message), "3G", (size_t)3 << 30},
        {OPTION(net.max_message), "3073M", 0},
        {OPTION(net.max_message), "4G", 0},
        {OPTION(server.max_backlog), "1048576G", (size_t)1 << 50},
        {OPTION(server.max_backlog), "1048577G", 0},
        {OPTION(net.max_connections), "4294967295", UINT32_MAX},
        {OPTION(net.max_connections), "4294967296", 0},
        {OPTION(net.max_message), "99999999999999999999", 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct limits limits = LIMITS_DEFAULT;
        const struct limits defaults = LIMITS_DEFAULT;
        size_t *value = (size_t *)((char *)&limits + (table[i].option - LIMITS_OPTION));
        struct failure *failure;

        assert_true(client_limits_handle(&limits, table[i].option, table[i].argument, &failure));
        if (table[i].value) {
            assert_no_failure(failure);
            assert_int_equal(*value, table[i].value);
        } else {
            assert_non_null(failure);
            assert_non_null(strstr(failure_text(failure), table[i].argument));
            assert_failure(failure, EINVAL, " from 1 to ");
            assert_memory_equal(&limits, &defaults, sizeof(limits));
        }
    }
}

static void test_options_that_are_no_limits(void **state)
{
    struct limits limits = LIMITS_DEFAULT;
    struct failure *failure;

    assert_false(client_limits_handle(&limits, 'v', "1", &failure));
    assert_null(failure);
    assert_false(client_limits_handle(&limits, LIMITS_OPTION - 1, "1", &failure));
    assert_null(failure);
    assert_false(client_limits_handle(&limits, LIMITS_OPTION + 4096, "1", &failure));
    assert_null(failure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_and_invalid_values),
        cmocka_unit_test(test_options_that_are_no_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
