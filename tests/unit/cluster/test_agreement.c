// SPDX-License-Identifier: Apache-2.0
// Compares the logs of tests/data/cluster/agreement.json, which are called "1", "2" and "3".
#include "cluster_unit.h"

#include "cluster/agreement.h"

static const char *table_path;

static void check_row(const json_t *row)
{
    static const char *const names[] = {"1", "2", "3"};
    const json_t *logs = json_object_get(row, "logs");
    struct agreement_member members[ARRAY_SIZE(names)];
    size_t n = json_array_size(logs);

    assert_true(n && n <= ARRAY_SIZE(names));
    for (size_t i = 0; i < n; i++) {
        struct member_log *log = NULL;

        assert_null(make_log(json_array_get(logs, i), &log));
        members[i] = (struct agreement_member){names[i], log};
    }
    assert_error_of_row(row, agreement_check(members, n));
    for (size_t i = 0; i < n; i++) {
        member_log_free((struct member_log *)members[i].log);
    }
}

static void test_table(void **state)
{
    for_each_row(table_path, 20, check_row);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
    };

    table_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
