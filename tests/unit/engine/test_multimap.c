// SPDX-License-Identifier: Apache-2.0
#include "engine_fixture.h"

#include "engine/multimap.h"

static size_t count_with_hash(const struct multimap *map, uint64_t hash)
{
    struct multimap_cursor cursor;
    size_t n = 0;

    multimap_start(map, hash, &cursor);
    while (multimap_next(&cursor)) {
        n++;
    }
    return n;
}

static void test_single_items(void **state)
{
    struct multimap map = {0};
    uint64_t a, b;
    struct multimap_cursor cursor;

    assert_int_equal(count_with_hash(&map, 1), 0);
    assert_true(multimap_add(&map, 2, &a));
    assert_false(multimap_add(&map, 2, &a));
    assert_true(multimap_add(&map, 4, &a)); // the same item under another hash
    assert_true(multimap_add(&map, 6, &b));
    assert_int_equal(map.n, 3);
    multimap_start(&map, 6, &cursor);
    assert_ptr_equal(multimap_next(&cursor), &b);
    assert_null(multimap_next(&cursor));
    assert_false(multimap_remove(&map, 2, &b));
    assert_true(multimap_remove(&map, 2, &a));
    assert_false(multimap_remove(&map, 2, &a));
    assert_int_equal(multimap_count(&map, 2), 0);
    assert_int_equal(multimap_count(&map, 4), 1);
    multimap_done(&map);
}

// All items have one hash. Adding and removing must be O(1): otherwise the test exceeds its time
// limit.
static void test_many_items_with_one_hash(void **state)
{
    enum { N = 200000 };
    struct multimap map = {0};
    uint64_t *items = NEW_ARRAY(uint64_t, N);

    for (size_t i = 0; i < N; i++) {
        assert_true(multimap_add(&map, 8, &items[i]));
    }
    assert_false(multimap_add(&map, 8, &items[N / 2]));
    assert_int_equal(multimap_count(&map, 8), N);
    assert_int_equal(count_with_hash(&map, 8), N);
    for (size_t i = 0; i < N; i++) {
        assert_true(multimap_remove(&map, 8, &items[i]));
    }
    assert_int_equal(map.n, 0);
    assert_int_equal(multimap_count(&map, 8), 0);
    multimap_done(&map);
    free(items);
}

static void test_group_shrinks_to_one(void **state)
{
    struct multimap map = {0};
    uint64_t a, b;

    multimap_add(&map, 2, &a);
    multimap_add(&map, 2, &b);
    assert_int_equal(count_with_hash(&map, 2), 2);
    assert_true(multimap_remove(&map, 2, &a));
    assert_int_equal(count_with_hash(&map, 2), 1);
    assert_false(multimap_remove(&map, 2, &a));
    assert_true(multimap_add(&map, 2, &a)); // left for multimap_done() to free
    multimap_done(&map);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_items),
        cmocka_unit_test(test_many_items_with_one_hash),
        cmocka_unit_test(test_group_shrinks_to_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
