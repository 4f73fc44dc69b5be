// SPDX-License-Identifier: Apache-2.0
#include "basic/hash.h"
#include "basic/htable.h"
#include "unit.h"

#define N 20000

static int numbers[N];

static bool has(const struct htable *table, uint64_t hash, const int *number)
{
    int *item;

    HTABLE_FOREACH_WITH_HASH(item, table, hash)
    {
        if (item == number) {
            return true;
        }
    }
    return false;
}

// Few distinct hashes, so that probing and removal meet long runs.
static void check_with_hashes(uint64_t n_hashes)
{
    struct htable table = {0};
    size_t n_seen = 0;
    int *item;

    for (int i = 0; i < N / 10; i++) {
        numbers[i] = i;
        htable_insert(&table, hash_u64(i % n_hashes, 0), &numbers[i]);
    }
    for (int i = 0; i < N / 10; i += 2) {
        assert_true(htable_remove(&table, hash_u64(i % n_hashes, 0), &numbers[i]));
        assert_false(htable_remove(&table, hash_u64(i % n_hashes, 0), &numbers[i]));
    }
    assert_int_equal(table.n, N / 20);
    for (int i = 0; i < N / 10; i++) {
        assert_int_equal(has(&table, hash_u64(i % n_hashes, 0), &numbers[i]), i % 2);
    }
    HTABLE_FOREACH(item, &table)
    {
        assert_int_equal(*item % 2, 1);
        n_seen++;
    }
    assert_int_equal(n_seen, N / 20);
    htable_done(&table);
}

static void test_distinct(void **state)
{
    check_with_hashes(N);
}

static void test_colliding(void **state)
{
    check_with_hashes(7);
}

static void test_replace_and_clear(void **state)
{
    struct htable table = {0};

    htable_insert(&table, 42, &numbers[0]);
    htable_replace(&table, 42, &numbers[0], &numbers[1]);
    assert_false(has(&table, 42, &numbers[0]));
    assert_true(has(&table, 42, &numbers[1]));
    htable_clear(&table);
    assert_int_equal(table.n, 0);
    assert_false(has(&table, 42, &numbers[1]));
    htable_insert(&table, 0, &numbers[2]); // 0 is a hash like any other
    assert_true(has(&table, 0, &numbers[2]));
    htable_done(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_colliding),
        cmocka_unit_test(test_replace_and_clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
