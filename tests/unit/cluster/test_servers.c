// SPDX-License-Identifier: Apache-2.0
// The set of members: its order, changed addresses, equality. records.json has the errors.
#include "cluster_unit.h"

static struct uuid id(uint64_t n)
{
    return (struct uuid){n, 1};
}

static void test_set(void **state)
{
    struct servers a = {0}, b = {0}, read;
    _cleanup_buf_ struct buf buf = {0};

    servers_add(&a, id(2), "two");
    servers_add(&a, id(3), "three");
    servers_add(&a, id(1), "one");
    assert_int_equal(a.n, 3);
    assert_string_equal(a.list[0].address, "one");
    assert_string_equal(servers_find(&a, id(3))->address, "three");
    assert_null(servers_find(&a, id(4)));
    servers_add(&b, id(1), "one");
    assert_false(servers_equal(&a, &b));
    servers_add(&b, id(3), "three");
    servers_add(&b, id(2), "other");
    assert_false(servers_equal(&a, &b));
    servers_add(&b, id(2), "two");
    assert_int_equal(b.n, 3);
    assert_true(servers_equal(&a, &b));
    servers_put(&buf, &a);
    assert_null(servers_decode(buf_slice(&buf), &read));
    assert_true(servers_equal(&a, &read));
    servers_done(&a);
    servers_done(&b);
    servers_done(&read);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
