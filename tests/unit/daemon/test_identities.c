// SPDX-License-Identifier: Apache-2.0
#include "daemon/sessions/identities.h"
#include "unit.h"

#include "basic/alloc.h"

#include <stdlib.h>

static void test_valid_and_invalid_rules(void **state)
{
    static const struct {
        const char *rule, *saying; // NULL: the rule is valid
    } table[] = {
        {"user:root", NULL},
        {"user:0,role=r,id=i,read-only=no", NULL},
        {"group:root read-only", NULL},
        {"user:*,\trole=a=b", NULL},
        {"tls, id=dns, role=r", NULL},
        {"", "clients are missing"},
        {" , ", "clients are missing"},
        {"root", "\"root\""},
        {"user:", "no user"},
        {"user:12x", "12x"},
        {"user:4294967295", "4294967295"}, // the value that the kernel uses for "no change"
        {"group:no-such-group", "no-such-group"},
        {"user:*,role=", "role="},
        {"user:*,id", "\"id\""},
        {"user:*,user:root", "user:root"},
        {"user:*,read-only=", "read-only="},
        {"tls,id=x", "id=x"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct identities identities = {0};
        _cleanup_free_ char *error = failure_take_text(identities_add(&identities, table[i].rule));

        if (table[i].saying) {
            assert_non_null(error);
            assert_non_null(strstr(error, table[i].saying));
            assert_int_equal(identities.n, 0);
        } else {
            assert_null(error);
            assert_int_equal(identities.n, 1);
        }
        identities_done(&identities);
    }
}

static void add(struct identities *identities, const char *rule)
{
    assert_null(identities_add(identities, rule));
}

static void test_comparison(void **state)
{
    struct identities a = {0}, b = {0};

    assert_true(identities_equal(&a, &b));
    add(&a, "user:0,role=r");
    assert_false(identities_equal(&a, &b));
    add(&b, "user:0,role=r");
    assert_true(identities_equal(&a, &b));
    add(&a, "tls,id=dns");
    add(&b, "tls,id=ip");
    assert_false(identities_equal(&a, &b));
    identities_done(&a);
    identities_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_and_invalid_rules),
        cmocka_unit_test(test_comparison),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
